import { releasesApart } from '../scenarios/releases'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(releasesApart)
