import { ambushes } from '../scenarios/ambushes'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(ambushes)
