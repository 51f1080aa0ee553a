import { itHoldsIn } from './properties'
import { tagsOfEntries } from './scenarios/tags'

itHoldsIn(tagsOfEntries)
