/** What happens in one simulated run, as data: fast-check draws it, prints it when a run fails, and makes it smaller. */

import type { Fault } from '../../kit/simulation/network'
import type { ForceOptions } from './forceOptions'

export const REMOVALS = ['del', 'deleteByPattern', 'invalidatePattern', 'purge'] as const
export type Removal = (typeof REMOVALS)[number]

export type Operation =
  /** `tags`: a configuration of that key which names these instead of the field's own. */
  | { do: 'read'; field: number; tags?: readonly string[] | undefined }
  /** `options`: in what it differs from a user's force of the field as it is configured. */
  | { do: 'force'; field: number; tags?: readonly string[] | undefined; options?: Partial<ForceOptions> }
  | { do: 'invalidate tag'; tag: string }
  | { do: 'invalidate field'; field: number }
  /** A removal of the key by the doors that are no invalidation of fields, and what they say of it. */
  | { do: 'remove'; field: number; by: Removal }
  | { do: 'set'; field: number }
  | { do: 'get'; field: number }
  /** Redis drops one of the keys that it holds then, whichever it is, or the one whose name ends so. */
  | { do: 'evict'; which: number | string }
  | { do: 'wait'; milliseconds: number }
  /** After so many turns a process dies with everything it has begun, and another one starts in its place. */
  | { do: 'crash'; process: number; turns: number }
  /** Its monotonic clock stands still, as that of a process whose machine sleeps, while time goes on for all others. */
  | { do: 'freeze'; process: number; milliseconds: number }

/** One thing after the other, in one process, or in its successor if it dies. */
export interface Client {
  process: number
  operations: readonly Operation[]
}

/** A fault for the one request that a scenario is about: the nth of that shape, such as the 2nd `MSETNX+SET`. */
export interface Ambush {
  on: string
  nth: number
  fault: Fault
}

/** `late`: only after its lease has run out; `pauses`: leaves what it has to the next fetch. */
export type SourceAnswer = 'answers' | 'late' | 'fails' | 'times out' | 'pauses'

export interface FieldPlan {
  tags: readonly string[]
  /** Seconds, as in a field's configuration. */
  ttl: number
  /** Seconds; 0 by default, so that each read asks Redis. */
  memoryTtl?: number
  /** True for a member of a family: not among the configured fields, so its own token expires. */
  family?: boolean
  /** True when its value tells what else it is made of; see `Plan.parts`. */
  dependsOn?: boolean
  /** True when each fetch carries on what stands, and the schema converts it. */
  converts?: boolean
}

export interface Plan {
  /** How far the wall clock of each process is off, in ms: one process per number. */
  clocks: readonly number[]
  fields: readonly FieldPlan[]
  /** The release of the app in each place: each stores a shape that the others refuse. One for all by default. */
  releases?: readonly string[]
  /** Clients of one phase act at the same time; a phase begins when nothing of the one before is left to happen. */
  phases: readonly (readonly Client[])[]
  /** For one request after the other, of all processes, over and over. */
  faults: readonly Fault[]
  ambushes: readonly Ambush[]
  /** These processes cannot reach Redis at all. */
  cutOff?: readonly number[]
  /** For one fetch after the other, over and over. */
  source: readonly SourceAnswer[]
  /** The tags that a value tells of itself: for one fetch after the other, over and over. */
  parts?: readonly (readonly string[])[]
}
