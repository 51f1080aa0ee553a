import { memory } from '../scenarios/memory'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(memory)
