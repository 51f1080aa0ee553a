/**
 * While Redis cannot be asked, memory answers, marked `degraded`, and one fetch renews what is too old. What was
 * fetched without Redis has no tokens, so nothing can confirm it. It is kept apart, and counts no more once Redis has
 * answered.
 */

import { currentInstant, type Instant } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import { storesGuards } from '../../entry/freshness'
import { isSourceError } from '../../errors'
import { isUnanswered } from '../../redis/transport/reachability'
import type { AnyField } from '../fieldConfig'
import type { FieldAnswer, FieldContext, OpenedEntry } from '../fieldContext'
import { uniteGuards } from '../lookup'
import type { Copy } from '../memory/memoryCache'
import { coolDownAfter, coolingError, failedSource, leaveAlone } from '../refresh/coolDown'
import type { Fetched } from '../refresh/fetchEntry'
import { fetchUnstored } from '../refresh/storeEntry'
import { optionsKey, shareKey } from '../shareKey'

/** How long a copy answers after its last confirmation or fetch, in ms. */
const OUTAGE_MS = 30_000
/** Stands for a token that this process has not read. No token has this value. */
const UNKNOWN = ''
const AT_ONCE = { cacheMs: 0, sourceMs: 0 }
const UNCACHED = 'without redis'

/**
 * Copies within the ttl of the field, the newest first. `refused`: Redis answers, but not this request, so its other
 * answers do not void a copy without tokens.
 */
export function usableCopies(field: FieldContext, refused = false, withinMs = OUTAGE_MS): Copy[] {
  const { memoryCache } = field.runtime
  if (field.config.memoryTtl === 0) return []
  const isUsable = (copy: Copy): boolean =>
    memoryCache.unprovenFor(copy) < withinMs && field.freshness(copy.entry) === 'fresh'
  return rememberedCopies(field, refused).filter(isUsable)
}

/** Copies that cover the reader's guards, the newest first. `refused`: as for `usableCopies`. */
function rememberedCopies(field: FieldContext, refused: boolean): Copy[] {
  const { memoryCache, reachability } = field.runtime
  const name = field.slotName
  const proved = memoryCache.get(name)
  const unproved = memoryCache.get(unprovedName(name))
  const ofShape = unproved && memoryCache.get(unprovedShapeName(name, field.config))
  const counts = ({ provenAt }: Copy): boolean => refused || !reachability.answeredSince(provenAt.monotonic)
  const remembered = [
    ...(proved ? [proved] : []),
    ...[unproved, ofShape].filter((copy) => copy !== undefined).filter(counts),
  ]
  return remembered
    .filter(({ entry }) => storesGuards(entry, field.guards))
    .sort((one, other) => other.entry.fetchedAt - one.entry.fetchedAt)
}

/** Null if the reader's schema refuses all copies. */
export async function answerFromCopies<T>(
  field: FieldContext<T>,
  copies: readonly Copy[],
): Promise<FieldAnswer<T> | null> {
  const opened = await openFirst(field, copies)
  if (!opened) return null
  field.runtime.ports.emit({
    type: 'field.lookup',
    field: field.config.name,
    at: 'memory',
    found: 'degraded',
  })
  return field.answer(opened, 'degraded', AT_ONCE)
}

/**
 * `why`: the error of Redis, or `contended` if Redis answers, but its tokens changed at every lookup. Then a fetch
 * that began before this read does not count. Rejects with a SOURCE_ error.
 */
export async function readWithoutRedis<T>(
  field: FieldContext<T>,
  why: CodedError | 'contended',
): Promise<FieldAnswer<T>> {
  const refused = why !== 'contended' && !isUnanswered(why)
  const askedAt = field.runtime.ports.clock.monotonic()
  for (;;) {
    const within = answeringMs(field)
    const copies = why === 'contended' ? [] : usableCopies(field, refused, within)
    const answer = await answerFromCopies(field, copies)
    if (answer) return answer
    try {
      const code = failedSource(field)
      if (code) throw coolingError(field, code)
      const fetched = await fetchOnce(field, askedAt, why === 'contended')
      if (fetched) return fetched
    } catch (error) {
      const last = isSourceError(error) ? await lastGood(field, refused) : null
      if (!last) throw error
      return field.answer(last, 'degraded', AT_ONCE)
    }
  }
}

export interface UnprovedFetch {
  began: Instant
  /** The last tokens that Redis answered before the fetch, and stand-ins for those it did not. */
  tokens: Record<string, string>
}

export function beginUnproved(field: FieldContext): UnprovedFetch {
  const began = currentInstant(field.runtime.ports.clock)
  return { began, tokens: lastKnownTokens(field, began, []) }
}

export function keepUnproved(
  field: FieldContext,
  { entry, dependencies }: Pick<Fetched, 'entry' | 'dependencies'>,
  { began, tokens: before }: UnprovedFetch,
): void {
  const { runtime, config, slotName } = field
  if (config.memoryTtl === 0) return
  const name = unprovedName(slotName)
  // With the tags that other readers name, or each of them would fetch a copy of its own.
  const guards = uniteGuards(field.guards, runtime.memoryCache.get(name)?.entry ?? null)
  const tokens = { ...lastKnownTokens(field, began, [...guards, ...dependencies]), ...before }
  const unproved = { ...entry, tokens, dependencies }
  field.keep(name, unproved, began)
  // One copy for each schema, too: readers that refuse each other's values would each overwrite and fetch.
  if (config.schema) field.keep(unprovedShapeName(slotName, config), unproved, began)
}

/** How long copies answer, in ms: twice as long while one is being renewed, so that no reader waits for that. */
function answeringMs({ runtime, config: { key } }: FieldContext): number {
  return runtime.singleFlight.running(uncachedFlight(key)) !== undefined ? 2 * OUTAGE_MS : OUTAGE_MS
}

const uncachedFlight = (key: string): string => `uncached ${key}`

/**
 * Runs one fetch at a time. A reader that joins a fetch which began before it asked gets it as `degraded`: an
 * invalidation in between would be unknown. Null if this process invalidated the value since the fetch began, or if it
 * is too old by now. The next fetch serves all readers that waited, so each waits for two at most.
 */
async function fetchOnce<T>(
  field: FieldContext<T>,
  askedAt: number,
  contended: boolean,
): Promise<FieldAnswer<T> | null> {
  const { runtime, config } = field
  const name = uncachedFlight(config.key)
  // A reader that may not use memory may not use an earlier fetch either.
  if (contended || config.memoryTtl === 0) {
    const fetched = await queueFetch(field, optionsKey(config))
    return (await openUnproved(field, fetched, 'miss')) ?? fetchAlone(field)
  }
  const running = runtime.singleFlight.running<UnprovedEntry>(name)
  const fetched = await (running ?? runtime.singleFlight.run(name, () => fetchAndKeep(field)))
  if (!running) return openUnproved(field, fetched, 'miss')
  const isOwn = fetched.began.monotonic > askedAt
  if (!isOwn && !mayServe(field, fetched)) return null
  return (await openUnproved(field, fetched, isOwn ? 'miss' : 'degraded')) ?? fetchAlone(field)
}

/** True if a fetch that began before a reader asked may serve it. It may have taken longer than its value is served. */
function mayServe(field: FieldContext, { entry, began, dependencies }: UnprovedEntry): boolean {
  const tokens = lastKnownTokens(field, began, dependencies)
  if (field.runtime.memoryCache.overtaken(tokens, began.monotonic)) return false
  return field.freshness(entry) !== 'expired'
}

/** Call it after this caller's schema refused what another caller fetched. */
async function fetchAlone<T>(field: FieldContext<T>): Promise<FieldAnswer<T> | null> {
  const fetched = await queueFetch(field, shareKey(field.config))
  return openUnproved(field, { ...fetched, fetchedWith: field.config }, 'miss')
}

function queueFetch(field: FieldContext, key: string): Promise<UnprovedEntry> {
  return field.runtime.singleFlight.queue(`uncached ${field.config.key}`, key, () => fetchAndKeep(field))
}

interface UnprovedEntry extends Fetched {
  began: Instant
  fetchedWith: AnyField
}

async function fetchAndKeep(field: FieldContext): Promise<UnprovedEntry> {
  const unproved = beginUnproved(field)
  try {
    const fetched = await fetchUnstored(field, 'miss')
    keepUnproved(field, fetched, unproved)
    return { ...fetched, began: unproved.began, fetchedWith: field.config }
  } catch (error) {
    if (isSourceError(error)) leaveAlone(field, UNCACHED, coolDownAfter(error))
    throw error
  }
}

/** Null if this caller's schema refuses what another one fetched. */
async function openUnproved<T>(
  field: FieldContext<T>,
  { entry, sourceMs, fetchedWith }: UnprovedEntry,
  status: 'miss' | 'degraded',
): Promise<FieldAnswer<T> | null> {
  const opened =
    fetchedWith === field.config ? { entry, data: await field.openFetched(entry) } : await field.open(entry)
  return opened && { ...field.answer(opened, status, { cacheMs: 0, sourceMs }), notStored: true }
}

/** The newest usable copy within all windows of the field, for when the source fails as well. */
async function lastGood<T>(field: FieldContext<T>, refused: boolean): Promise<OpenedEntry<T> | null> {
  const isServed = ({ entry }: Copy): boolean => field.freshness(entry) !== 'expired'
  return openFirst(field, rememberedCopies(field, refused).filter(isServed))
}

async function openFirst<T>(
  field: FieldContext<T>,
  candidates: readonly Copy[],
): Promise<OpenedEntry<T> | null> {
  for (const { entry } of candidates) {
    const opened = await field.open(entry)
    if (opened) return opened
  }
  return null
}

const unprovedName = (slot: string): string => `${slot} ${UNCACHED}`
const unprovedShapeName = (slot: string, { schema }: AnyField): string =>
  `${unprovedName(slot)} ${shareKey({ schema })}`

/**
 * A Redis that takes no writes still answers reads, so a changed token shows that the copy is outdated. A token that
 * was never read gets a stand-in: the process must notice its own invalidations.
 */
function lastKnownTokens(
  field: FieldContext,
  began: Instant,
  dependencies: readonly string[],
): Record<string, string> {
  const { memoryCache } = field.runtime
  const hinted = field.hints.dependencies ?? []
  return Object.fromEntries(
    [...field.guards, ...hinted, ...dependencies].map((guard) => [
      guard,
      memoryCache.tokenReadBy(guard, began.monotonic) ?? UNKNOWN,
    ]),
  )
}
