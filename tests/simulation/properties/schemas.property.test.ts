import { schemas } from '../scenarios/schemas'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(schemas)
