import { itHoldsIn } from './properties'
import { ambushes } from './scenarios/ambushes'

itHoldsIn(ambushes)
