/** What a run leaves behind for the invariants. `from` and `to` are numbers of things that happened, in order. */

import { type Coincidences, noCoincidences } from '../../../kit/simulation/coincidences'
import type { ForceOptions } from '../forceOptions'
import type { Plan } from '../plan'

export interface Span {
  from: number
  to: number
}

export interface ReadSpan extends Span {
  /** Position in `Plan.phases`; the reads that close a run come after the last one. */
  phase: number
  process: number
  field: number
  /** The tags that its configuration names. */
  tags: readonly string[]
  /** True time at which it began, in ms. */
  at: number
  status: string
  forced: boolean
  /** Position in `History.fetches`; -1 for a value that no fetch has brought. */
  fetch: number
  /** Of a force. */
  options?: ForceOptions
  /** The last of the fetches that its value is made of. */
  last?: number
}

/** A force that was asked for, however it ended, if it did. */
export interface AskedForce {
  process: number
  field: number
  options: ForceOptions
  from: number
  to: number
}

/**
 * From then on no read may see what was fetched for these fields, or told of itself that it is made of this tag, before
 * `from`: no read of this process, and none of others once the `memoryTtl` of the field is over.
 */
export interface Acknowledged extends Span {
  phase: number
  /** True time of the acknowledgement, in ms. */
  at: number
  process: number
  fields: readonly number[]
  tag?: string
  by: 'force' | 'invalidation' | 'set' | 'purge'
}

export interface FetchSpan {
  began: number
  /** True time at which it began, in ms. */
  at: number
  process: number
  field: number
  reason: string
  /** Told that the caller has no token. */
  anonymous: boolean
  fetcher: number
  /** How long it may take. */
  timeoutMs: number
  /** The tags that its configuration names. */
  tags: readonly string[]
  /** The tags that its value tells of itself. */
  parts: readonly string[]
  /** `paused`: until a later fetch ends with its value. */
  ended: 'running' | 'paused' | 'answered' | 'failed' | 'died'
  /** It has left what it had to later ones. */
  paused?: boolean
  lease?: GrantedLease
  /** For how long a force has had it stored, in s. */
  keptFor?: number
  /** How often a force has sent it to be stored, and whether Redis has refused that at once. */
  sent?: number
  refused?: boolean
  /** True time at which Redis first stored its value, in ms. */
  storedAt?: number
  /** It was set under a key of which the process knew no field, so no tokens guard it. */
  plain?: boolean
}

export interface GrantedLease {
  name: string
  process: number
  holder: string
  /** True time, in ms; of a fetch that failed, the end of the cool-down that its lease was turned into. */
  expiresAt: number
  /** By a command, before its time. */
  ended?: boolean
  /** The last fetch that has begun with it. */
  fetch?: FetchSpan
}

export interface Rejection {
  operation: string
  process: number
  code: string
  /** True when the source had failed or a request was lost before, so that there is a reason. */
  sourceFailed: boolean
  requestFailed: boolean
}

export interface History {
  plan: Plan
  reads: ReadSpan[]
  acknowledged: Acknowledged[]
  fetches: FetchSpan[]
  rejections: Rejection[]
  asked: AskedForce[]
  /** How often a purge of each process has failed to remove what stood. */
  failedPurges: Map<number, number>
  /** Operations that neither ended nor died with their process. */
  unfinished: string[]
  evictions: { phase: number; name: string }[]
  /** What the watch over Redis has seen and no run may have; see `watch.ts`. */
  seen: Record<
    | 'fetchesWithoutLease'
    | 'leasesTakenAway'
    | 'waitsForItself'
    | 'takenAway'
    | 'foreignValues'
    | 'storedWithoutLease'
    | 'storedOlder'
    | 'convertedAnew',
    string[]
  >
  /** True time, in ms. */
  endedAt: number
  /** What makes a run worth having. */
  during: Coincidences<Coincidence>
  /** One line for each thing of interest, to be read when a run fails. */
  story: readonly string[]
}

/** What has to come about often enough, or runs prove nothing. */
export const COINCIDENCES = [
  'invalidation during a fetch',
  'overlapping forces',
  'a force that takes what another one has fetched',
  'eviction between read and write',
  'expired lease',
  'death of a lease holder',
  'an entry under tags that its reader does not name',
  'a value that was set',
  'a value that is kept aside',
  'a way back from aside',
  'an answer from memory',
  'an answer from memory while Redis is not there',
  'a copy that its tokens prove',
  'a copy that its tokens disprove',
  'dependencies that were not known before the fetch',
  'dependencies invalidated during the fetch',
  'a fetch that goes on where another has stopped',
  'an invalidation between two parts of a fetch',
  'a fetch that carries on what stands',
  'forces of one field and process that differ',
  'a force that shares its fetch with a like one',
  'a force of the cron that is served by that of a user',
  'a force that goes on with what another one has read',
  'a purge that has removed what stood',
] as const

export type Coincidence = (typeof COINCIDENCES)[number]

export function emptyHistory(plan: Plan, story: readonly string[]): History {
  return {
    plan,
    reads: [],
    acknowledged: [],
    fetches: [],
    rejections: [],
    asked: [],
    failedPurges: new Map(),
    unfinished: [],
    evictions: [],
    seen: {
      fetchesWithoutLease: [],
      leasesTakenAway: [],
      waitsForItself: [],
      takenAway: [],
      foreignValues: [],
      storedWithoutLease: [],
      storedOlder: [],
      convertedAnew: [],
    },
    endedAt: 0,
    during: noCoincidences(COINCIDENCES),
    story,
  }
}
