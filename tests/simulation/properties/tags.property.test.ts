import { tagsOfEntries } from '../scenarios/tags'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(tagsOfEntries)
