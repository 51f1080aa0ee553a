import { itHoldsIn } from './properties'
import { memory } from './scenarios/memory'

itHoldsIn(memory)
