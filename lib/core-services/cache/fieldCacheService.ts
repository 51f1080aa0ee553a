/** The read path of fields: the stored value while it is fresh, else a fetched one. Redis failing never fails a read. */

import { type CodedError, getErrorCode } from '../../shared/errors'
import type { Entry } from './entry/entry'
import { getFreshness } from './entry/freshness'
import { isRedisFailure, isSourceError } from './errors'
import { type AnyField, assertOptions, type FieldCacheConfig } from './fields/fieldConfig'
import { lookAt, type Place, placeName, placeOf } from './fields/fieldPlace'
import type { FieldRuntime } from './fields/fieldRuntime'
import type { Lookup } from './fields/lookup'
import { oncePerCoolDown } from './fields/read/anonymousForce'
import { answer, type FieldAnswer, keepAside, openKnown } from './fields/read/fieldAnswer'
import { inPatience } from './fields/read/patience'
import { readMemory, revalidate } from './fields/read/readMemory'
import { wayBack } from './fields/read/wayBack'
import { answerHeld, heldCopies, readWithoutRedis } from './fields/read/withoutRedis'
import { type Opened, openEntry } from './fields/refresh/fetchEntry'
import { type Fill, type Filled, fillField } from './fields/refresh/resolveMiss'
import { keepCopy } from './fields/refresh/storeEntry'
import { nameAfter } from './fields/shareKey'
import { fieldRuntime } from './processContext'
import { forceRefresh } from './refreshCache'

export type { FieldAnswer }

/** How often a read begins anew because tokens changed under it, before it fetches on its own. */
const ROUNDS = 5
/**
 * `always` for callers who may, `anonymous` for the rest: theirs is subject to the field's cool-down; `declined`: it is
 * known already that they may not.
 */
export type Force = 'never' | 'declined' | 'anonymous' | 'always'

/** The value of a field: the stored one while it is fresh, else a fetched one. Rejects with a SOURCE_ error. */
export async function getFieldCache<T>(config: FieldCacheConfig<T>, forceRefresh = false): Promise<T> {
  return (await readFieldCache(config, forceRefresh ? 'always' : 'never')).data
}

/** Many fields at once, in their order: what is warm costs one command for all of them. Rejects as soon as one does. */
export async function getFieldCaches<T extends readonly unknown[]>(
  configs: readonly [...{ [Index in keyof T]: FieldCacheConfig<T[Index]> }],
): Promise<T> {
  const values = await Promise.all(
    configs.map((config) => getFieldCache(config as FieldCacheConfig<unknown>)),
  )
  return values as unknown as T
}

/** Like `getFieldCache`, telling besides where the value came from and how old it is. */
export async function readFieldCache<T>(
  config: FieldCacheConfig<T>,
  force: Force = 'never',
  runtime: FieldRuntime = fieldRuntime(),
): Promise<FieldAnswer<T>> {
  const started = runtime.ports.clock.monotonic()
  const { clock, emit, isControlFlow } = runtime.ports
  const field = config.name
  try {
    assertOptions(config)
    const answer = await answerOf(runtime, config, force)
    const { status, age: ageSeconds } = answer
    emit({ type: 'field.read', field, status, ageSeconds, durationMs: clock.monotonic() - started })
    return answer
  } catch (error) {
    const durationMs = clock.monotonic() - started
    if (!isControlFlow(error)) emit({ type: 'field.failed', field, code: getErrorCode(error), durationMs })
    throw error
  }
}

async function answerOf<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  force: Force,
): Promise<FieldAnswer<T>> {
  if (force === 'always') return forcedAnswer(runtime, config)
  const forced =
    force === 'anonymous' &&
    (await oncePerCoolDown(runtime, config, () => forcedAnswer(runtime, asAnonymous(config))))
  if (forced) return forced
  const read = await readThrough(runtime, config)
  return force !== 'never' && read.status === 'hit' ? { ...read, status: 'cooldown' } : read
}

async function forcedAnswer<T>(runtime: FieldRuntime, config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  const { entry, stored, sourceMs } = await forceRefresh(runtime, config, 'force')
  const data = await openEntry(config, entry)
  return answer(runtime, { entry, data }, stored ? 'refreshed' : 'miss', { cacheMs: 0, sourceMs })
}

function asAnonymous<T>(config: FieldCacheConfig<T>): FieldCacheConfig<T> {
  const fetcher: typeof config.fetcher = (context) => config.fetcher({ ...context, anonymous: true })
  nameAfter(config.fetcher, fetcher, 'anonymous')
  return { ...config, fetcher }
}

async function readThrough<T>(runtime: FieldRuntime, config: FieldCacheConfig<T>): Promise<FieldAnswer<T>> {
  await runtime.ports.atRequest()
  const remembered = await readMemory(runtime, config)
  if (remembered) return remembered
  try {
    const store = await runtime.store()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const answered = await readOnce(runtime, placeOf(runtime, store, config), config)
      if (answered) return answered
    }
  } catch (error) {
    return readWithoutRedis(runtime, config, degraded(runtime, 'read', error))
  }
  runtime.ports.emit({ type: 'field.contended', field: config.name, rounds: ROUNDS })
  return readWithoutRedis(runtime, config, 'contended')
}

/** One look and what follows from it; null when what it saw does not count, so that one has to look again. */
async function readOnce<T>(
  runtime: FieldRuntime,
  place: Place,
  config: FieldCacheConfig<T>,
): Promise<FieldAnswer<T> | null> {
  const { clock, defer, emit } = runtime.ports
  const remembered = await revalidate(runtime, place, config)
  if (remembered) return remembered
  const started = clock.monotonic()
  const held = heldCopies(runtime, config)
  const ask = () => lookAt(runtime, place)
  const first = held.length > 0 ? await inPatience(runtime, `look ${place.name}`, ask) : await ask()
  const answered = first === 'late' ? await answerHeld(runtime, config, held) : null
  if (answered) return answered
  // MemoryCache that the schema of this reader refuses are as good as none: it waits as those do that have none.
  const look = first === 'late' ? await ask() : first
  const stored = look.valid && (await openKnown(runtime, config, look.valid, place))
  if (look.foreign) keepAside(runtime, place)
  if (placeName(runtime, config) !== place.name) return null
  const freshness = stored ? getFreshness(stored.entry, config, clock.now()) : 'expired'
  emit({
    type: 'field.lookup',
    field: config.name,
    at: 'redis',
    found: stored ? freshness : look.stored ? 'invalidated' : 'nothing',
  })
  const timings = { cacheMs: clock.monotonic() - started, sourceMs: 0 }
  if (stored) keepCopy(runtime, place, stored.entry, look.sentAt)
  if (stored && freshness === 'fresh') return answer(runtime, stored, 'hit', timings)
  const fill: Fill = { place, look, reason: 'miss', patient: true }
  if (stored && freshness === 'stale') {
    defer(() => inBackground(runtime, refreshStale(runtime, config, fill)))
    return answer(runtime, stored, 'stale', timings)
  }
  const fallback = await lastGood(runtime, config, look, stored, freshness)
  try {
    const back = await wayBack(runtime, place, config)
    if (back?.arrived) return null
    // A source that is only slow is no reason to serve what was invalidated.
    const filled = await filledInTime(
      runtime,
      config,
      { ...fill, ...back },
      stored !== null && fallback !== null,
    )
    if (filled === 'late') return fallback && answer(runtime, fallback, 'degraded', timings)
    const opened = filled && (await openFilled(runtime, back?.place ?? place, config, filled))
    if (!filled || !opened) return null
    const fetched = answer(runtime, opened, 'miss', { ...timings, sourceMs: filled.sourceMs })
    return filled.notStored ? { ...fetched, notStored: true } : fetched
  } catch (error) {
    if (!fallback || !isSourceError(error)) throw error
    return answer(runtime, fallback, 'degraded', timings)
  }
}

async function refreshStale(runtime: FieldRuntime, config: AnyField, fill: Fill): Promise<Filled> {
  const back = await wayBack(runtime, fill.place, config)
  return back?.arrived ? null : fillField(runtime, { ...fill, ...back, reason: 'stale', patient: false })
}

/** What may be served when the source fails. */
async function lastGood<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  { stored, valid }: Lookup,
  opened: Opened<T> | null,
  freshness: ReturnType<typeof getFreshness>,
): Promise<Opened<T> | null> {
  if (opened) return freshness === 'degraded' ? opened : null
  if (!stored || valid || !config.advanced?.serveInvalidatedOnError) return null
  if (getFreshness(stored, config, runtime.ports.clock.now()) === 'expired') return null
  return openKnown(runtime, config, stored)
}

/** Past the soft deadline whoever has something to serve goes without; the fetch goes on in the background. */
async function filledInTime(
  runtime: FieldRuntime,
  { advanced: { softTimeoutMs } = {} }: FieldCacheConfig<unknown>,
  fill: Fill,
  hasFallback: boolean,
): Promise<Filled | 'late'> {
  const filling = fillField(runtime, fill)
  if (softTimeoutMs === undefined || !hasFallback) return filling
  const answered = new AbortController()
  const late = runtime.ports.clock.sleep(softTimeoutMs, answered.signal).then(() => 'late' as const)
  try {
    const first = await Promise.race([filling, late])
    if (first === 'late') runtime.ports.defer(() => inBackground(runtime, filling))
    return first
  } finally {
    answered.abort()
  }
}

async function openFilled<T>(
  runtime: FieldRuntime,
  place: Place,
  config: FieldCacheConfig<T>,
  filled: Exclude<Filled, null>,
): Promise<Pick<Opened<T>, 'entry' | 'data'> | null> {
  const { arrivedAt } = filled
  const opened = await openFetched(runtime, config, filled, place)
  if (opened && arrivedAt) keepCopy(runtime, place, opened.entry, arrivedAt)
  return opened
}

/** What another caller or instance has fetched is opened as if it were found: its schema may be another one. */
async function openFetched<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  { entry, by }: { entry: Entry; by: AnyField | null },
  place?: Place,
): Promise<Pick<Opened<T>, 'entry' | 'data'> | null> {
  if (by === config) return { entry, data: await openEntry(config, entry) }
  return openKnown(runtime, config, entry, place)
}

async function inBackground(runtime: FieldRuntime, filling: Promise<Filled>): Promise<void> {
  try {
    await filling
  } catch (error) {
    // A failing source has told so by an event; whoever was served meanwhile has an answer.
    if (isRedisFailure(error)) degraded(runtime, 'refresh', error)
  }
}

/** Tells of a failure of Redis. Rethrows what is none. */
function degraded({ ports }: FieldRuntime, operation: string, error: unknown): CodedError {
  if (!isRedisFailure(error)) throw error
  ports.emit({ type: 'redis.degraded', operation, code: error.code, message: error.message })
  return error
}
