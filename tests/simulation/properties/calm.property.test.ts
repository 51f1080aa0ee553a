import { calm } from '../scenarios/calm'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(calm)
