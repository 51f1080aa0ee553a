/** The options of a field, and the directory of the configured ones. */

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
  /** Aborted at the deadline of the refresh. Pass it to each request of the fetcher. */
  signal: AbortSignal
  reason: RefreshReason
  /** Set if a caller without the admin token asked for this force. */
  anonymous?: boolean
  /** When this fetch began, in ms since 1970. */
  startedAt: number
  /**
   * The stored value, for a fetcher that needs only the changes since. Null if there is none, it was invalidated, or
   * the schema refuses it.
   */
  previous(): Promise<Previous | null>
  /** Stores metadata with the value that this fetch returns. A later call adds to an earlier one. */
  keep(about: ValueMetadata): void
  /** Time left until the deadline of this refresh, in ms; never below 0. */
  remainingMs(): number
  /**
   * The progress that an earlier fetch saved with `pause`, else null. An invalidation voids it, and so does a stored
   * entry that is as new. Check its shape: another release may have written it. A value built on it counts as fetched
   * when the first of these fetches began. A force resumes only forces with the same fetcher and the same `anonymous`.
   * Costs one billed command.
   */
  resume(): Promise<string | null>
  /** Discards what `resume` returned: the value then counts as fetched by this fetch alone. */
  startOver(): void
  /**
   * Saves progress for the next fetch. Always rejects: with `because`, or else with SOURCE_UNFINISHED, or with
   * SOURCE_TIMEOUT if Redis did not store it. `done` describes it in events and errors, such as "60 pages so far". It
   * lasts ten minutes, or as long as the value might be served if that is less, but at least one minute. That of a
   * force lasts two minutes from its first fetch on, however often it pauses.
   */
  pause(progress: string, done: string, because?: unknown): Promise<never>
}

export interface Previous {
  /** The value before the schema: carried on into a new value, it goes through the schema again. */
  value: unknown
  note: string | undefined
  /** When it was fetched, in ms since 1970. */
  fetchedAt: number
  /** When it ends, in ms since 1970, if its fetch or the value limited that. */
  endsAt: number | undefined
  /** True past all windows of the field: the value is never served again, not even while the source fails. */
  isOver?: boolean
}

/** Each full read transfers the note. */
export const MOST_NOTE_CHARACTERS = 4_000

export interface ValueMetadata {
  /** For later fetches, such as how far a change log was read; 4,000 characters at most. */
  note?: string
  /** When the value was fetched, in ms since 1970, if that is earlier than this fetch. */
  fetchedAt?: number
  /** When the value ends, in ms since 1970. The earlier of this and `advanced.expiresAt` counts. */
  endsAt?: number
}

export interface FieldCacheConfig<T> {
  /** Names the field in URLs, events and metrics: lower-case words joined by hyphens. */
  name: string
  /** Logical key of the entry in Redis, such as `agents_list`. */
  key: string
  /** Seconds from the start of its fetch in which a value is fresh. */
  ttl: number | 'forever'
  /** Fetches the value from the source. A rejection leaves the stored value in place. */
  fetcher: (context: FetchContext) => Promise<T>
  /**
   * Any Standard Schema, such as a zod one. Checks fetched and stored values. Readers and the options below get what it
   * makes of them; Redis, `previous()` and the next fetch keep the value before it.
   */
  schema?: StandardSchema<T>
  /** Who may read the field by URL: everyone, or holders of the admin token. @default 'admin' */
  access?: 'admin' | 'public'
  /** Seconds between forced refreshes by callers without the admin token. @default they may not force */
  anonymousForce?: number
  /** Seconds past `ttl` in which the old value is served while it is refreshed in the background. @default 0 */
  staleWhileRevalidate?: number
  /** Seconds past both in which the old value is served if the source fails. @default 0 */
  staleIfError?: number
  /** Names of what the value is made of. `invalidateTags` with one of them makes it a miss. */
  tags?: readonly string[]
  /** Returns tags that only the value shows, such as `product:42` for each product on a page; 1,000 at most. */
  dependsOn?(value: T): readonly string[]
  /**
   * Seconds in which an instance answers from memory without asking Redis: it sees invalidations by other instances
   * that much later. 0 asks Redis for each read. Past it, a value in memory answers once Redis has confirmed its
   * tokens.
   * @default 1
   */
  memoryTtl?: number
  /** The cron refreshes the field once its value is this many seconds old. @default never */
  refreshEvery?: number
  advanced?: AdvancedOptions<T>
}

export interface AdvancedOptions<T> {
  /**
   * Deadline of the fetcher, in ms: from 100 to an hour, which Infinity stands for. Its signal is aborted then.
   * @default CACHE_REFRESH_TIMEOUT_MS
   */
  timeoutMs?: number
  /**
   * After this many ms, 10 at least, a reader gets a value within `staleIfError`, and the fetch goes on.
   * @default never
   */
  softTimeoutMs?: number
  /**
   * Seconds in which a `null` from the source or the schema is served, where that is less than `ttl`.
   * @default as any value
   */
  negativeTtl?: number
  /** Returns when the value ends, in ms since 1970, such as its signed URLs do. No window reaches beyond. */
  expiresAt?(value: T): number | undefined
  /**
   * False refuses a suspicious value, such as a list that shrank by half, as if the source had failed. `previous` is
   * the last stored value.
   */
  accept?(next: T, previous: T | undefined, reason: RefreshReason): boolean | Promise<boolean>
  /** Brotli for values of some KB, where it pays. @default true */
  compression?: boolean
  /**
   * Encrypts the value, its fetcher's note and its progress in Redis (AES-256-GCM, CACHE_ENCRYPTION_KEY), for personal
   * data. Without a key nothing is stored. What is unencrypted or altered in Redis is not read. Key, tags,
   * dependencies, times and length stay readable: put nothing personal into names. Memory holds the value unencrypted.
   * `refreshCache` and `cacheAside` encrypt configured fields, not members of families.
   * @default false
   */
  encrypt?: boolean
  /**
   * Serves an invalidated value as `degraded` if the source fails, within `staleIfError`. It can be older than the
   * invalidation.
   * @default false
   */
  serveInvalidatedOnError?: boolean
}

/** A shorter deadline is a slip of units: no source answers that fast. */
const SHORTEST_DEADLINE_MS = 100
const SHORTEST_SOFT_DEADLINE_MS = 10

export type AnyField = FieldCacheConfig<unknown>

interface Directory {
  byName: Map<string, AnyField>
  byKey: Map<string, AnyField>
}

/** Checks the fields and registers them by name and key. Throws FIELD_INVALID with the field and what to change. */
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

/** False for members of families and keys of `refreshCache`. */
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

/**
 * For fields that `defineFields` does not know, such as those of `refreshCache`. Throws KEY_INVALID or FIELD_INVALID.
 */
export function assertOptions(field: AnyField): void {
  const keyReason = keyProblem(field.key)
  if (keyReason !== undefined) throw keyInvalid(field.key, keyReason)
  const problem = optionProblem(field)
  if (problem !== undefined) throw fieldInvalid(field.name, problem)
}

/** Throws KEY_INVALID or FIELD_INVALID. */
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
    typeProblem(field) ??
    (advanced && advancedProblem(advanced))
  )
}

/** Callers in plain JavaScript can pass anything. */
function typeProblem({ dependsOn, schema, advanced }: AnyField): string | undefined {
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
