/** What a field is, and the directory of those that are configured. */

import { deadlineProblem, secondsProblem } from '../../../shared/durations'
import type { RefreshReason } from '../../../shared/events'
import { processState, setProcessState } from '../../../shared/processState'
import { describeValue } from '../../../shared/text'
import type { Windows } from '../entry/freshness'
import type { StandardSchema } from '../entry/schema'
import { fieldInvalid, keyInvalid } from '../errors'
import { keyProblem, tagProblem } from '../redis/commands/keySpace'
import { nameFunctions } from './shareKey'

export interface FetchContext {
  /** Aborted when the refresh has run out of time: hand it to whatever you await. */
  signal: AbortSignal
  reason: RefreshReason
  /** Whether a force was asked for by a caller without the admin's token (`anonymousForce`), who vouches for nothing. */
  anonymous?: boolean
  /** When this fetch began, in ms since 1970. */
  startedAt: number
  /**
   * What is stored and was not invalidated, for a fetcher that can bring it up to date by changes alone; null for
   * nothing, and for what the schema refuses. Each call decodes a value of its own.
   */
  previous(): Promise<Previous | null>
  /** Says more about the value that this fetch returns; a later call adds to an earlier one. */
  keep(about: Kept): void
  /** What is left of the deadline of this refresh, in ms; never below 0. */
  remainingMs(): number
  /**
   * What an earlier fetch has left by `pause`, to go on from; null when there is nothing, or it does not count any more:
   * something was invalidated since, or what stands is as new. It may be of another release of the app, so check it. What
   * is made of it counts as fetched when the first of these fetches began. A forced refresh goes on only with what a forced
   * one of the same fetcher has left, and of callers who are as `anonymous`. One billed command.
   */
  resume(): Promise<string | null>
  /** What `resume` has brought is not used after all: the value counts as fetched by this fetch alone. */
  startOver(): void
  /**
   * Keeps for the next fetch how far this one has come, for ten minutes, or as long as the value itself might be served,
   * if that is less but at least a minute. A forced refresh goes on for two minutes after the first of its fetches began,
   * however often it pauses; then it starts over. `done` tells people about it, in events
   * and errors, such as "60 pages so far". Always rejects: with `because`, if given, else with SOURCE_UNFINISHED, or with
   * SOURCE_TIMEOUT when Redis does not take it.
   */
  pause(progress: string, done: string, because?: unknown): Promise<never>
}

export interface Previous {
  /**
   * As its fetcher returned it, after JSON and before the schema: what is carried on into a new value goes through the
   * schema again. A schema that converts units, renames or strips therefore never meets its own output.
   */
  value: unknown
  /** What its fetch has kept. */
  note: string | undefined
  /** When it was fetched and, if it does, ends, in ms since 1970. */
  fetchedAt: number
  endsAt: number | undefined
  /** True for a value that is never served any more, not even while the source fails. */
  isOver?: boolean
}

/** A note is part of what every full read transfers. */
export const MOST_NOTE_CHARACTERS = 4_000

export interface Kept {
  /** Stored with the value for the fetches to come, such as how far a log of changes was read; 4,000 characters at most. */
  note?: string
  /** When the value was fetched, in ms since 1970, where that is earlier than this fetch: its age counts from there. */
  fetchedAt?: number
  /** When the value ends, in ms since 1970, as `advanced.expiresAt`; the earlier of both counts. */
  endsAt?: number
}

export interface FieldCacheConfig<T> {
  /** Lower-case words joined by hyphens: the field's name in URLs, events and metrics. */
  name: string
  /** The logical key of its entry in Redis, such as `agents_list`. */
  key: string
  /** Seconds that a value is fresh, counted from the start of its fetch. */
  ttl: number | 'forever'
  /** Asks the source. A rejection leaves what is stored untouched. */
  fetcher: (context: FetchContext) => Promise<T>
  /**
   * Any Standard Schema, such as a zod one: checked on fresh values and on values read back. What it transforms is what
   * readers and the options below get; Redis, `previous()` and the next fetch keep the value before it.
   */
  schema?: StandardSchema<T>
  /** Who may read it by URL: everybody, or only holders of the admin token (default). */
  access?: 'admin' | 'public'
  /** Seconds between forced refreshes by callers without the token; without it they may not force. */
  anonymousForce?: number
  /** Seconds past ttl in which the value is still served at once, while it is refreshed in the background. */
  staleWhileRevalidate?: number
  /** Seconds past both in which the value is served only when the source fails. */
  staleIfError?: number
  /** What the value is made of: `invalidateTags` with any of them makes it a miss. */
  tags?: readonly string[]
  /** Tags that only the value tells, such as `product:42` for each product on a page; 1,000 at most. */
  dependsOn?(value: T): readonly string[]
  /**
   * Seconds in which an instance may answer from its memory without asking Redis, so that an invalidation by another
   * instance is seen that much later. 1 by default; 0 always asks. The memory is used past it, too, for as long as Redis
   * says that nothing was invalidated.
   */
  memoryTtl?: number
  /** The cron refreshes the field once its value is this many seconds old; without it, never. */
  refreshEvery?: number
  advanced?: AdvancedOptions<T>
}

export interface AdvancedOptions<T> {
  /**
   * Deadline of the fetcher, in ms, from 100 to an hour, which Infinity stands for; CACHE_REFRESH_TIMEOUT_MS by default.
   * Its signal is aborted then.
   */
  timeoutMs?: number
  /** After so many ms, 10 at least, a value within `staleIfError` is served instead, while the fetch goes on. */
  softTimeoutMs?: number
  /**
   * Seconds that a `null`, of the source or of the schema, is fresh, where that is less than `ttl`; it is not served
   * past them.
   */
  negativeTtl?: number
  /** When the value ends, in ms since 1970, such as signed URLs in it do: no window reaches beyond. */
  expiresAt?(value: T): number | undefined
  /**
   * False refuses a suspicious answer, such as a list that has shrunk by half, as if the source had failed. `previous` is
   * the last value that is stored, if there is one.
   */
  accept?(next: T, previous: T | undefined, reason: RefreshReason): boolean | Promise<boolean>
  /** Brotli for values of some KB, where it pays; on by default. */
  compression?: boolean
  /**
   * Encrypts the value, and what its fetcher keeps as a note, before they go to Redis (AES-256-GCM, with
   * CACHE_ENCRYPTION_KEY): for personal data. Without a key nothing is stored, and what stands in Redis unencrypted or
   * altered is not read. The key of the entry, the names of its tags and of what it `dependsOn`, its times and its length
   * stay readable: put nothing personal into names. A process holds the value in memory as it is. `refreshCache` and
   * `cacheAside` know of it for the fields of the list, not for members of families.
   */
  encrypt?: boolean
  /**
   * Whether a value that was invalidated may be served as `degraded` when the source fails, within `staleIfError`. Such
   * an answer can be older than the invalidation. Off by default.
   */
  serveInvalidatedOnError?: boolean
}

/** Less is a slip of units: no source answers that soon. */
const SHORTEST_DEADLINE_MS = 100
const SHORTEST_SOFT_DEADLINE_MS = 10

export type AnyField = FieldCacheConfig<unknown>

interface Directory {
  byName: Map<string, AnyField>
  byKey: Map<string, AnyField>
}

/** Checks the fields and makes them findable. Throws FIELD_INVALID, naming the field and the mend. */
export function defineFields(fields: readonly AnyField[]): readonly AnyField[] {
  const directory: Directory = { byName: new Map(), byKey: new Map() }
  for (const field of fields) {
    const problem = findProblem(field, directory)
    if (problem !== undefined) throw fieldInvalid(field.name, problem)
    directory.byName.set(field.name, field)
    directory.byKey.set(field.key, field)
    nameFunctions(field)
  }
  setProcessState('fields', directory)
  return fields
}

export function findFieldByKey(key: string): AnyField | undefined {
  return directory().byKey.get(key)
}

/** A field of the list, and not a member of a family or a key of `refreshCache`. */
export function isConfigured({ key }: Pick<AnyField, 'key'>): boolean {
  return directory().byKey.has(key)
}

export function findFieldByName(name: string): AnyField | undefined {
  return directory().byName.get(name)
}

function directory(): Directory {
  return processState('fields', () => ({ byName: new Map(), byKey: new Map() }))
}

function findProblem(field: AnyField, { byName, byKey }: Directory): string | undefined {
  if (typeof field.name !== 'string' || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(field.name)) {
    return 'its name is not made of lower-case words joined by hyphens'
  }
  if (byName.has(field.name)) return 'another field has the same name'
  const sameKey = byKey.get(field.key)
  if (sameKey) return `the field "${sameKey.name}" has the same key, ${field.key}`
  const reason = keyProblem(field.key)
  return reason === undefined ? optionProblem(field) : `its key cannot be used: ${reason}`
}

/** Throws KEY_INVALID or FIELD_INVALID at each use: for a field that `defineFields` has never seen, such as one of `refreshCache`. */
export function assertOptions(field: AnyField): void {
  const keyReason = keyProblem(field.key)
  if (keyReason !== undefined) throw keyInvalid(field.key, keyReason)
  const problem = optionProblem(field)
  if (problem !== undefined) throw fieldInvalid(field.name, problem)
}

/** The same of what an invalidation is told of a field. */
export function assertKeyAndWindows(field: Pick<AnyField, 'key'> & Partial<Windows>): void {
  const keyReason = keyProblem(field.key)
  if (keyReason !== undefined) throw keyInvalid(field.key, keyReason)
  const problem = windowsProblem({ ttl: 1, ...field })
  if (problem !== undefined) throw fieldInvalid(field.key, problem)
}

function windowsProblem({ ttl, staleWhileRevalidate, staleIfError }: Windows): string | undefined {
  return (
    (ttl === 'forever' ? undefined : secondsProblem('ttl', ttl)) ??
    optional('staleWhileRevalidate', staleWhileRevalidate) ??
    optional('staleIfError', staleIfError)
  )
}

function optionProblem(field: AnyField): string | undefined {
  const { tags, memoryTtl, advanced } = field
  const nameReason = keyProblem(field.name)
  if (nameReason !== undefined) return `its name cannot be used: ${nameReason}`
  return (
    windowsProblem(field) ??
    optional('anonymousForce', field.anonymousForce) ??
    optional('refreshEvery', field.refreshEvery) ??
    (memoryTtl === undefined ? undefined : secondsProblem('memoryTtl', memoryTtl, { fraction: true })) ??
    (tags === undefined ? undefined : tagsProblem(tags)) ??
    kindProblem(field) ??
    (advanced && advancedProblem(advanced))
  )
}

/** Options that are no numbers, which plain JavaScript can make of anything. */
function kindProblem({ dependsOn, schema, advanced }: AnyField): string | undefined {
  if (dependsOn !== undefined && typeof dependsOn !== 'function') return 'dependsOn is no function'
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    return 'schema is no Standard Schema, such as those of zod'
  if (advanced !== undefined && (typeof advanced !== 'object' || advanced === null))
    return `advanced is ${describeValue(advanced)}, not an object`
  return undefined
}

function advancedProblem({
  negativeTtl,
  timeoutMs,
  softTimeoutMs,
}: AdvancedOptions<unknown>): string | undefined {
  return (
    optional('advanced.negativeTtl', negativeTtl) ??
    deadlineProblem('advanced.timeoutMs', timeoutMs, SHORTEST_DEADLINE_MS) ??
    deadlineProblem('advanced.softTimeoutMs', softTimeoutMs, SHORTEST_SOFT_DEADLINE_MS)
  )
}

const optional = (option: string, seconds: number | undefined): string | undefined =>
  seconds === undefined ? undefined : secondsProblem(option, seconds)

function tagsProblem(tags: readonly string[]): string | undefined {
  if (!Array.isArray(tags)) return 'its tags are no list'
  for (const tag of tags) {
    const problem = tagProblem(tag)
    if (problem !== undefined)
      return `its tag ${JSON.stringify(describeValue(tag))} cannot be used: ${problem}`
  }
  return undefined
}
