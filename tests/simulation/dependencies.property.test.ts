import { itHoldsIn } from './properties'
import { dependencies } from './scenarios/dependencies'

itHoldsIn(dependencies)
