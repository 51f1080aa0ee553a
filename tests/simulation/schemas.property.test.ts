import { itHoldsIn } from './properties'
import { schemas } from './scenarios/schemas'

itHoldsIn(schemas)
