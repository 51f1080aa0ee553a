/**
 * Reads while Redis cannot be asked: out of the memory of this process, marked `degraded`, and once that is too old by
 * one fetch. What is fetched without Redis has no tokens, so nothing can ever prove it: it is kept apart from the other
 * copies, for a short time, and counts no more once Redis has answered.
 */

import { currentInstant, type Instant } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import { covers, getFreshness } from '../../entry/freshness'
import { isSourceError } from '../../errors'
import { wasSilent } from '../../redis/transport/reachability'
import type { AnyField, FieldCacheConfig } from '../fieldConfig'
import { guardsFor, placeName } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import { uniteGuards } from '../lookup'
import type { Copy } from '../memory/memoryCache'
import { coolDownOf, cooling, failedSource, leaveAlone } from '../refresh/coolDown'
import { type Fetched, type Opened, openEntry } from '../refresh/fetchEntry'
import { fetchUnstored, keepUnder } from '../refresh/storeEntry'
import { optionsKey, shareKey } from '../shareKey'
import { answer, type FieldAnswer, openKnown } from './fieldAnswer'

/** For how long a copy answers since it was proved or fetched last, in ms. */
const OUTAGE_MS = 30_000
/** Stands for the token that nobody could read. It is no token's value. */
const UNKNOWN = ''
const AT_ONCE = { cacheMs: 0, sourceMs: 0 }
/** The flight of a source that is asked without Redis. */
const UNCACHED = 'without redis'

/**
 * What memory may answer as `degraded`: copies within the ttl of their field, the newest first. `refused`: Redis answers,
 * but not this; then its answers to others say nothing against a copy without tokens.
 */
export function heldCopies(
  runtime: FieldRuntime,
  config: AnyField,
  refused = false,
  withinMs = OUTAGE_MS,
): Copy[] {
  const { memoryCache, ports } = runtime
  if (config.memoryTtl === 0) return []
  const isUsable = (copy: Copy): boolean =>
    memoryCache.unprovenFor(copy) < withinMs &&
    getFreshness(copy.entry, config, ports.clock.now()) === 'fresh'
  return rememberedCopies(runtime, config, refused).filter(isUsable)
}

/** The copies that count for this reader, the newest first. `refused`: as for `heldCopies`. */
function rememberedCopies(runtime: FieldRuntime, config: AnyField, refused: boolean): Copy[] {
  const { memoryCache, reachability } = runtime
  const name = placeName(runtime, config)
  const proved = memoryCache.get(name)
  const unproved = memoryCache.get(unprovedName(name))
  const ofShape = unproved && memoryCache.get(unprovedShapeName(name, config))
  const counts = ({ provenAt }: Copy): boolean => refused || !reachability.answeredSince(provenAt.monotonic)
  const remembered = [
    ...(proved ? [proved] : []),
    ...[unproved, ofShape].filter((copy) => copy !== undefined).filter(counts),
  ]
  return remembered
    .filter(({ entry }) => covers(entry, guardsFor(config)))
    .sort((one, other) => other.entry.fetchedAt - one.entry.fetchedAt)
}

/** The first copy that the reader's schema takes as an answer; null when it refuses all of them. */
export async function answerHeld<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  held: readonly Copy[],
): Promise<FieldAnswer<T> | null> {
  const opened = await firstKnown(runtime, config, held)
  if (!opened) return null
  runtime.ports.emit({ type: 'field.lookup', field: config.name, at: 'memory', found: 'degraded' })
  return answer(runtime, opened, 'degraded', AT_ONCE)
}

/**
 * `why`: the error of Redis; `contended` when it answers, but its tokens changed at every look: then what began before
 * this read counts no more than ever. Rejects with a SOURCE_ error.
 */
export async function readWithoutRedis<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  why: CodedError | 'contended',
): Promise<FieldAnswer<T>> {
  const refused = why !== 'contended' && !wasSilent(why)
  const asked = runtime.ports.clock.monotonic()
  for (;;) {
    const within = answersFor(runtime, config)
    const copies = why === 'contended' ? [] : heldCopies(runtime, config, refused, within)
    const held = await answerHeld(runtime, config, copies)
    if (held) return held
    try {
      const code = failedSource(runtime, config)
      if (code) throw cooling(runtime, config, code)
      const fetched = await fetchOnce(runtime, config, asked, why === 'contended')
      if (fetched) return fetched
    } catch (error) {
      const last = isSourceError(error) ? await lastGood(runtime, config, refused) : null
      if (!last) throw error
      return answer(runtime, last, 'degraded', AT_ONCE)
    }
  }
}

/** A fetch that begins without Redis. */
export interface Unproved {
  began: Instant
  /** Of the guards that were known when it began: the tokens that Redis had told, and stand-ins for the others. */
  tokens: Record<string, string>
}

export function beginUnproved(runtime: FieldRuntime, field: AnyField): Unproved {
  const began = currentInstant(runtime.ports.clock)
  return { began, tokens: lastKnownTokens(runtime, field, began, []) }
}

/** What a force or a read has fetched without Redis, for those who come next. */
export function keepUnproved(
  runtime: FieldRuntime,
  field: AnyField,
  { entry, dependencies }: Pick<Fetched, 'entry' | 'dependencies'>,
  { began, tokens: before }: Unproved,
): void {
  if (field.memoryTtl === 0) return
  const place = placeName(runtime, field)
  const name = unprovedName(place)
  // With the tags that other readers name, or each of them would fetch a copy of its own.
  const guards = uniteGuards(guardsFor(field), runtime.memoryCache.get(name)?.entry ?? null)
  const tokens = { ...lastKnownTokens(runtime, field, began, [...guards, ...dependencies]), ...before }
  const kept = { ...entry, tokens, dependencies }
  keepUnder(runtime, name, field, kept, began)
  // Readers whose schemas refuse each other's values would overwrite them, and fetch for each read.
  if (field.schema) keepUnder(runtime, unprovedShapeName(place, field), field, kept, began)
}

/** While a copy is renewed it answers those who come meanwhile, for twice as long at most: none of them waits. */
function answersFor({ singleFlight }: FieldRuntime, { key }: AnyField): number {
  return singleFlight.running(flightOf(key)) !== undefined ? 2 * OUTAGE_MS : OUTAGE_MS
}

const flightOf = (key: string): string => `uncached ${key}`

/**
 * One fetch at a time. A caller that joins one which had begun before it asked gets it as `degraded`: nobody can tell
 * whether it was invalidated in between. Null for what this process has invalidated itself since it began, and what is too
 * old by now. What begins after that serves all who have waited: each waits for two at most.
 */
async function fetchOnce<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  asked: number,
  contended: boolean,
): Promise<FieldAnswer<T> | null> {
  const name = flightOf(config.key)
  // Who takes nothing from memory takes no fetch either that began before.
  if (contended || config.memoryTtl === 0) {
    const fetched = await queueFetch(runtime, config, optionsKey(config))
    return (await opened(runtime, config, fetched, 'miss')) ?? fetchAlone(runtime, config)
  }
  const running = runtime.singleFlight.running<Kept>(name)
  const fetched = await (running ?? runtime.singleFlight.run(name, () => fetchAndKeep(runtime, config)))
  if (!running) return opened(runtime, config, fetched, 'miss')
  const isOwn = fetched.began.monotonic > asked
  if (!isOwn && !mayServe(runtime, config, fetched)) return null
  return (await opened(runtime, config, fetched, isOwn ? 'miss' : 'degraded')) ?? fetchAlone(runtime, config)
}

/** Whether what had begun before a reader asked is of use for it: it may have taken longer than its value may be served. */
function mayServe(runtime: FieldRuntime, config: AnyField, { entry, began, dependencies }: Kept): boolean {
  const { memoryCache, ports } = runtime
  const tokens = lastKnownTokens(runtime, config, began, dependencies)
  if (memoryCache.overtaken(tokens, began.monotonic)) return false
  return getFreshness(entry, config, ports.clock.now()) !== 'expired'
}

/** For when the schema refuses what another caller has fetched: that one has another schema, or none. */
async function fetchAlone<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
): Promise<FieldAnswer<T> | null> {
  const fetched = await queueFetch(runtime, config, shareKey(config))
  return opened(runtime, config, { ...fetched, by: config }, 'miss')
}

function queueFetch(runtime: FieldRuntime, config: AnyField, key: string): Promise<Kept> {
  return runtime.singleFlight.queue(`uncached ${config.key}`, key, () => fetchAndKeep(runtime, config))
}

interface Kept extends Fetched {
  began: Instant
  /** Whose fetcher and schema that was. */
  by: AnyField
}

async function fetchAndKeep(runtime: FieldRuntime, config: AnyField): Promise<Kept> {
  const unproved = beginUnproved(runtime, config)
  try {
    const fetched = await fetchUnstored(runtime, config, 'miss')
    keepUnproved(runtime, config, fetched, unproved)
    return { ...fetched, began: unproved.began, by: config }
  } catch (error) {
    if (isSourceError(error)) {
      const { code, milliseconds } = coolDownOf(error)
      leaveAlone(runtime, placeName(runtime, config), UNCACHED, milliseconds, code)
    }
    throw error
  }
}

/** Null for what another caller has fetched, if the schema of this one refuses it. */
async function opened<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  { entry, sourceMs, by }: Kept,
  status: 'miss' | 'degraded',
): Promise<FieldAnswer<T> | null> {
  const known =
    by === config ? { entry, data: await openEntry(config, entry) } : await openKnown(runtime, config, entry)
  return known && { ...answer(runtime, known, status, { cacheMs: 0, sourceMs }), notStored: true }
}

/** What may be served when the source fails as well: whatever this process remembers within the windows of the field. */
async function lastGood<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  refused: boolean,
): Promise<Opened<T> | null> {
  const now = runtime.ports.clock.now()
  const served = ({ entry }: Copy): boolean => getFreshness(entry, config, now) !== 'expired'
  return firstKnown(runtime, config, rememberedCopies(runtime, config, refused).filter(served))
}

async function firstKnown<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  copies: readonly Copy[],
): Promise<Opened<T> | null> {
  for (const { entry } of copies) {
    const known = await openKnown(runtime, config, entry)
    if (known) return known
  }
  return null
}

const unprovedName = (place: string): string => `${place} ${UNCACHED}`
const unprovedShapeName = (place: string, { schema }: AnyField): string =>
  `${unprovedName(place)} ${shareKey({ schema })}`

/**
 * The tokens of all that may be invalidated, as Redis had told them when the fetch began: a Redis that takes no writes goes
 * on telling those that stand, and only another one says that the copy is outdated. Stand-ins where it had told none:
 * what this process invalidates itself it has to notice.
 */
function lastKnownTokens(
  runtime: FieldRuntime,
  field: AnyField,
  began: Instant,
  dependencies: readonly string[],
): Record<string, string> {
  const { hints, memoryCache } = runtime
  const known = hints.get(placeName(runtime, field)).dependencies ?? []
  return Object.fromEntries(
    [...guardsFor(field), ...known, ...dependencies].map((guard) => [
      guard,
      memoryCache.toldBy(guard, began.monotonic) ?? UNKNOWN,
    ]),
  )
}
