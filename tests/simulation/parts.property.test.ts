import { itHoldsIn } from './properties'
import { parts } from './scenarios/parts'

itHoldsIn(parts)
