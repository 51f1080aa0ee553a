import { dependencies } from '../scenarios/dependencies'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(dependencies)
