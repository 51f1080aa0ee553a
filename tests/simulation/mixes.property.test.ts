import { itHoldsIn } from './properties'
import { mixes } from './scenarios/mixes'

itHoldsIn(mixes)
