import { mixes } from '../scenarios/mixes'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(mixes)
