import type { Scenario } from './scenario'
import { ambushes } from './scenarios/ambushes'
import { calm } from './scenarios/calm'
import { dependencies } from './scenarios/dependencies'
import { otherDoors } from './scenarios/doors'
import { differentForces } from './scenarios/forces'
import { memory } from './scenarios/memory'
import { mixes } from './scenarios/mixes'
import { outages } from './scenarios/outages'
import { parts } from './scenarios/parts'
import { releasesApart } from './scenarios/releases'
import { schemas } from './scenarios/schemas'
import { tagsOfEntries } from './scenarios/tags'

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
