/** The read path of fields: the stored value while it is fresh, else a fetched one. Redis failing never fails a read. */
import { ageSeconds, type Entry } from './engine/entry'
import { isRedisFailure, isSourceError } from './engine/errors'
import type { FieldStatus } from './engine/events'
import type { FieldCacheConfig } from './engine/fieldConfig'
import type { FieldStore } from './engine/fieldStore'
import { allPresent, freshnessOf, lookFrom } from './engine/look'
import { checkBody } from './engine/schema'
import { guardNames } from './engine/tokens'
import { fetchEntry, openEntry } from './fetchEntry'
import { askStore, type FieldRuntime, fieldRuntime } from './fieldRuntime'
import { type Fill, fillField } from './fillField'
import { forceRefresh } from './refreshCache'

export interface FieldAnswer<T> {
  data: T
  status: FieldStatus
  /** Whole seconds since the fetch of the value began. */
  age: number
  timings: {
    /** How long Redis took for the read, in ms; 0 when it was not asked. */
    cacheMs: number
    /** How long the source took, in ms; 0 when it was not asked. */
    sourceMs: number
  }
}

/** `always` for callers who may, `anonymous` for the rest: theirs is subject to the field's cool-down. */
/** How often a read begins anew because tokens changed under it, before it fetches on its own. */
const ROUNDS = 5

export type Force = 'never' | 'anonymous' | 'always'

/** The value of a field: the stored one while it is fresh, else a fetched one. Rejects with a SOURCE_ error. */
export async function getFieldCache<T>(config: FieldCacheConfig<T>, forceRefresh = false): Promise<T> {
  return (await readFieldCache(config, forceRefresh ? 'always' : 'never')).data
}

/** Like `getFieldCache`, telling besides where the value came from and how old it is. */
export async function readFieldCache<T>(
  config: FieldCacheConfig<T>,
  force: Force = 'never',
  runtime: FieldRuntime = fieldRuntime(),
): Promise<FieldAnswer<T>> {
  const started = runtime.ports.clock.monotonic()
  const answer = await answerOf(runtime, config, force)
  runtime.ports.emit({
    type: 'field.read',
    field: config.name,
    status: answer.status,
    ageSeconds: answer.age,
    durationMs: runtime.ports.clock.monotonic() - started,
  })
  return answer
}

async function answerOf<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  force: Force,
): Promise<FieldAnswer<T>> {
  if (force === 'always' || (force === 'anonymous' && (await mayForce(runtime, config)))) {
    const { entry, stored, sourceMs } = await forceRefresh(runtime, config, 'force')
    const status = stored ? 'refreshed' : 'miss'
    return answer(runtime, await openFetched(config, entry), status, { cacheMs: 0, sourceMs })
  }
  const read = await readThrough(runtime, config)
  return force === 'anonymous' && read.status === 'hit' ? { ...read, status: 'cooldown' } : read
}

async function readThrough<T>(runtime: FieldRuntime, config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  try {
    const store = await runtime.store()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const answered = await readOnce(runtime, store, config)
      if (answered) return answered
    }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    runtime.ports.emit({
      type: 'redis.degraded',
      operation: 'read',
      code: error.code,
      message: error.message,
    })
  }
  return fetchUncached(runtime, config)
}

/** One look and what follows from it; null when the tokens changed in between, so that one has to look again. */
async function readOnce<T>(
  runtime: FieldRuntime,
  store: FieldStore,
  config: FieldCacheConfig<T>,
): Promise<FieldAnswer<T> | null> {
  const { clock, defer } = runtime.ports
  const started = clock.monotonic()
  const guards = guardNames(config)
  const names = [store.names.entry(config.key), ...guards.map(store.names.guard)]
  const seen = lookFrom(await store.read(names), store.names, config.key, guards)
  if (allPresent(seen.tokens)) runtime.seen.note(config.key, seen.tokens, seen.sentAt)
  const stored = seen.valid && (await openStored(runtime, config, seen.valid))
  const timings = { cacheMs: clock.monotonic() - started, sourceMs: 0 }
  const freshness = stored ? freshnessOf(stored.entry, config, clock.now()) : 'expired'
  if (stored && freshness === 'fresh') return answer(runtime, stored, 'hit', timings)
  const fill: Fill = { store, guards, look: seen, reason: 'miss', patient: true }
  if (stored && freshness === 'stale') {
    defer(() => refreshInBackground(runtime, config, { ...fill, reason: 'stale', patient: false }))
    return answer(runtime, stored, 'stale', timings)
  }
  try {
    const filled = await fillField(runtime, config, fill)
    return (
      filled && answer(runtime, await openFetched(config, filled.entry), 'miss', { ...timings, ...filled })
    )
  } catch (error) {
    if (!stored || freshness !== 'degraded' || !isSourceError(error)) throw error
    return answer(runtime, stored, 'degraded', timings)
  }
}

/** An entry with the value that this caller gets of it. */
interface Opened<T> {
  entry: Entry
  data: T
}

async function openStored<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  entry: Entry,
): Promise<Opened<T> | null> {
  const checked = await checkBody(config.schema, entry.body)
  if (checked.ok) return { entry, data: checked.value }
  runtime.ports.emit({ type: 'field.rejected', field: config.name, reason: checked.reason })
  return null
}

async function openFetched<T>(config: FieldCacheConfig<T>, entry: Entry): Promise<Opened<T>> {
  return { entry, data: await openEntry(config, entry) }
}

async function refreshInBackground(
  runtime: FieldRuntime,
  config: FieldCacheConfig<unknown>,
  fill: Fill,
): Promise<void> {
  try {
    await fillField(runtime, config, fill)
  } catch (error) {
    // A failing source has told so by an event; whoever was served stale has an answer.
    if (!isRedisFailure(error)) return
    runtime.ports.emit({
      type: 'redis.degraded',
      operation: 'refresh',
      code: error.code,
      message: error.message,
    })
  }
}

/** Redis cannot be asked, so nobody knows what was invalidated meanwhile: one joins only a fetch still to begin. */
async function fetchUncached<T>(runtime: FieldRuntime, config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  const { entry, sourceMs } = await runtime.flights.queue(`uncached ${config.key}`, config.fetcher, () =>
    fetchEntry(runtime, config, 'miss', {}),
  )
  return answer(runtime, await openFetched(config, entry), 'miss', { cacheMs: 0, sourceMs })
}

function answer<T>(
  { ports }: FieldRuntime,
  { entry, data }: Opened<T>,
  status: FieldStatus,
  { cacheMs, sourceMs }: FieldAnswer<T>['timings'],
): FieldAnswer<T> {
  const age = ageSeconds(entry.fetchedAt, ports.clock.now())
  return { data, status, age, timings: { cacheMs, sourceMs } }
}

/** Starts the cool-down of the field by the attempt. Without Redis nobody can tell, so nobody may force. */
async function mayForce(
  runtime: FieldRuntime,
  { key, anonymousForce }: FieldCacheConfig<unknown>,
): Promise<boolean> {
  if (anonymousForce === undefined) return false
  return askStore(runtime, 'cooldown', false, (store) =>
    store.claim('cooldown', key, 'forced', anonymousForce * 1000),
  )
}
