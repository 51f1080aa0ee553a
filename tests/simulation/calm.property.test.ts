import { itHoldsIn } from './properties'
import { calm } from './scenarios/calm'

itHoldsIn(calm)
