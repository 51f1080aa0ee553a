import { ambushes } from './ambushes'
import { calm } from './calm'
import { dependencies } from './dependencies'
import { otherDoors } from './doors'
import { differentForces } from './forces'
import { memory } from './memory'
import { mixes } from './mixes'
import { outages } from './outages'
import { parts } from './parts'
import { releasesApart } from './releases'
import type { Scenario } from './scenario'
import { schemas } from './schemas'
import { tagsOfEntries } from './tags'

export const scenarios: readonly Scenario[] = [
  ...mixes,
  ...calm,
  ...ambushes,
  ...memory,
  ...dependencies,
  ...outages,
  ...parts,
  ...tagsOfEntries,
  ...releasesApart,
  ...otherDoors,
  ...schemas,
  ...differentForces,
]
