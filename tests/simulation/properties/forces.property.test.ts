import { differentForces } from '../scenarios/forces'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(differentForces)
