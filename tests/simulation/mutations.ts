import type { Mutation } from './mutation'
import { changeMutations } from './mutations/airtable/changes'
import { limitMutations } from './mutations/airtable/limits'
import { recheckMutations } from './mutations/airtable/rechecks'
import { recordMutations } from './mutations/airtable/records'
import { doorMutations } from './mutations/read/doors'
import { memoryMutations } from './mutations/read/memory'
import { outageMutations } from './mutations/read/outages'
import { readMutations } from './mutations/read/reads'
import { refusalMutations } from './mutations/read/refusals'
import { schemaMutations } from './mutations/read/schemas'
import { cronMutations } from './mutations/refresh/cron'
import { fetchedMetadataMutations } from './mutations/refresh/fetchedMetadata'
import { forceMutations } from './mutations/refresh/forces'
import { forceApartMutations } from './mutations/refresh/forcesApart'
import { leaseMutations } from './mutations/refresh/leases'
import { partMutations } from './mutations/refresh/parts'
import { dependencyMutations } from './mutations/tokens/dependencies'
import { tagMutations } from './mutations/tokens/tags'
import { tokenMutations } from './mutations/tokens/tokens'

export const mutations: readonly Mutation[] = [
  ...tokenMutations,
  ...tagMutations,
  ...doorMutations,
  ...readMutations,
  ...leaseMutations,
  ...forceMutations,
  ...forceApartMutations,
  ...memoryMutations,
  ...dependencyMutations,
  ...changeMutations,
  ...cronMutations,
  ...recheckMutations,
  ...limitMutations,
  ...recordMutations,
  ...outageMutations,
  ...refusalMutations,
  ...partMutations,
  ...schemaMutations,
  ...fetchedMetadataMutations,
]
