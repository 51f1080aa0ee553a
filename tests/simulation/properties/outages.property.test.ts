import { outages } from '../scenarios/outages'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(outages)
