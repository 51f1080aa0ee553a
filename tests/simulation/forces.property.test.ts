import { itHoldsIn } from './properties'
import { differentForces } from './scenarios/forces'

itHoldsIn(differentForces)
