import { itHoldsIn } from './properties'
import { outages } from './scenarios/outages'

itHoldsIn(outages)
