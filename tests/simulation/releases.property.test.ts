import { itHoldsIn } from './properties'
import { releasesApart } from './scenarios/releases'

itHoldsIn(releasesApart)
