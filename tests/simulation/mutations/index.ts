import { changeMutations } from './changes'
import { cronMutations } from './cron'
import { dependencyMutations } from './dependencies'
import { doorMutations } from './doors'
import { forceMutations } from './forces'
import { forceApartMutations } from './forcesApart'
import { leaseMutations } from './leases'
import { limitMutations } from './limits'
import { lookMutations } from './looks'
import { memoryMutations } from './memory'
import type { Mutation } from './mutation'
import { outageMutations } from './outages'
import { partMutations } from './parts'
import { readMutations } from './reads'
import { recordMutations } from './records'
import { refusalMutations } from './refusals'
import { schemaMutations } from './schemas'
import { tagMutations } from './tags'
import { tokenMutations } from './tokens'
import { toldMutations } from './told'

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
  ...lookMutations,
  ...limitMutations,
  ...recordMutations,
  ...outageMutations,
  ...refusalMutations,
  ...partMutations,
  ...schemaMutations,
  ...toldMutations,
]
