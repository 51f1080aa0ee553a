import { parts } from '../scenarios/parts'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(parts)
