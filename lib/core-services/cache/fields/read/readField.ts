/** Reads a field: from memory, then Redis, then the source. A failure of Redis never fails a read. */

import { isRedisFailure, isSourceError } from '../../errors'
import { reportDegraded } from '../../redis/reportDegraded'
import type { FieldCacheConfig } from '../fieldConfig'
import { type FieldAnswer, FieldContext, type OpenedEntry } from '../fieldContext'
import { reportRedisFailure } from '../fieldRuntime'
import { createSlot, type FieldSlot, returnToUsualSlot } from '../fieldSlot'
import type { Lookup } from '../lookup'
import { forceField } from '../refresh/forceRefresh'
import { type Miss, type MissOutcome, resolveMiss } from '../refresh/resolveMiss'
import { nameAfter } from '../shareKey'
import { oncePerCoolDown } from './anonymousForce'
import { withReaderTimeout } from './readerTimeout'
import { readMemory, revalidateCopy } from './readMemory'
import { answerFromCopies, readWithoutRedis, usableCopies } from './withoutRedis'

/** How often a read starts again because tokens changed during it, before it fetches on its own. */
const ROUNDS = 5
/**
 * `always`: the caller may force. `anonymous`: it may force once in each cool-down of the field. `declined`: it
 * asked for a force and gets none.
 */
export type Force = 'never' | 'declined' | 'anonymous' | 'always'

export async function readField<T>(field: FieldContext<T>, force: Force): Promise<FieldAnswer<T>> {
  if (force === 'always') return forcedAnswer(field)
  const forced =
    force === 'anonymous' &&
    (await oncePerCoolDown(field, () =>
      forcedAnswer(new FieldContext(field.runtime, asAnonymous(field.config))),
    ))
  if (forced) return forced
  const read = await readThrough(field)
  return force !== 'never' && read.status === 'hit' ? { ...read, status: 'cooldown' } : read
}

async function forcedAnswer<T>(field: FieldContext<T>): Promise<FieldAnswer<T>> {
  const request = { reason: 'force', purge: false, until: Number.POSITIVE_INFINITY } as const
  const { entry, stored, sourceMs } = await forceField(field, request)
  const data = await field.openFetched(entry)
  return field.answer({ entry, data }, stored ? 'refreshed' : 'miss', { cacheMs: 0, sourceMs })
}

function asAnonymous<T>(config: FieldCacheConfig<T>): FieldCacheConfig<T> {
  const fetcher: typeof config.fetcher = (context) => config.fetcher({ ...context, anonymous: true })
  nameAfter(config.fetcher, fetcher, 'anonymous')
  return { ...config, fetcher }
}

async function readThrough<T>(field: FieldContext<T>): Promise<FieldAnswer<T>> {
  const { runtime } = field
  await runtime.ports.atRequest()
  const fromMemory = await readMemory(field)
  if (fromMemory) return fromMemory
  try {
    const store = await runtime.store()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const answer = await readOnce(createSlot(field, store))
      if (answer) return answer
    }
  } catch (error) {
    return readWithoutRedis(field, reportRedisFailure(runtime, 'read', error))
  }
  runtime.ports.emit({ type: 'field.contended', field: field.config.name, rounds: ROUNDS })
  return readWithoutRedis(field, 'contended')
}

/** Null if the lookup does not count, so that the read looks again. */
async function readOnce<T>(slot: FieldSlot<T>): Promise<FieldAnswer<T> | null> {
  const { context, runtime } = slot
  const { clock, emit } = runtime.ports
  const fromMemory = await revalidateCopy(slot)
  if (fromMemory) return fromMemory
  const started = clock.monotonic()
  const found = await lookUpInTime(slot)
  if (found.kind === 'answered') return found.answer
  const { lookup } = found
  const stored = lookup.valid && (await slot.open(lookup.valid))
  if (lookup.foreign) slot.leave()
  if (context.slotName !== slot.name) return null
  const freshness = stored ? context.freshness(stored.entry) : 'expired'
  emit({
    type: 'field.lookup',
    field: slot.config.name,
    at: 'redis',
    found: stored ? freshness : lookup.stored ? 'invalidated' : 'nothing',
  })
  const timings = { cacheMs: clock.monotonic() - started, sourceMs: 0 }
  if (stored) slot.keep(stored.entry, lookup.sentAt)
  if (stored && freshness === 'fresh') return context.answer(stored, 'hit', timings)
  const miss: Miss = { slot, lookup, reason: 'miss', patient: true }
  if (stored && freshness === 'stale') {
    runtime.ports.defer(() => inBackground(slot, refreshStale(slot, miss)))
    return context.answer(stored, 'stale', timings)
  }
  const fallback = stored ? (freshness === 'degraded' ? stored : null) : await openInvalidated(slot, lookup)
  try {
    const usual = await returnToUsualSlot(slot)
    if (usual?.arrived) return null
    // A slow source is no reason to serve an invalidated value.
    const outcome = await resolveInTime(slot, { ...miss, ...usual }, stored !== null && fallback !== null)
    if (outcome.kind === 'late') return fallback && context.answer(fallback, 'degraded', timings)
    return await answerMiss(usual?.slot ?? slot, outcome, timings)
  } catch (error) {
    if (!fallback || !isSourceError(error)) throw error
    return context.answer(fallback, 'degraded', timings)
  }
}

type LookupInTime<T> = { kind: 'found'; lookup: Lookup } | { kind: 'answered'; answer: FieldAnswer<T> }

async function lookUpInTime<T>(slot: FieldSlot<T>): Promise<LookupInTime<T>> {
  const { context, runtime } = slot
  const copies = usableCopies(context)
  const ask = () => slot.lookUp()
  if (copies.length === 0) return { kind: 'found', lookup: await ask() }
  const reply = await withReaderTimeout(runtime, `lookup ${slot.name}`, ask)
  if (reply.kind === 'answered') return { kind: 'found', lookup: reply.value }
  const answer = await answerFromCopies(context, copies)
  // This reader's schema refuses all copies, so it waits like a reader without any.
  return answer ? { kind: 'answered', answer } : { kind: 'found', lookup: await ask() }
}

async function openInvalidated<T>(
  { context, config }: FieldSlot<T>,
  { stored, valid }: Lookup,
): Promise<OpenedEntry<T> | null> {
  if (!stored || valid || !config.advanced?.serveInvalidatedOnError) return null
  if (context.freshness(stored) === 'expired') return null
  return context.open(stored)
}

async function refreshStale(slot: FieldSlot, miss: Miss): Promise<void> {
  const usual = await returnToUsualSlot(slot)
  if (!usual?.arrived) await resolveMiss({ ...miss, ...usual, reason: 'stale', patient: false })
}

/** Past the soft deadline a reader with a fallback stops waiting; the fetch goes on in the background. */
async function resolveInTime(
  { config, runtime }: FieldSlot,
  miss: Miss,
  hasFallback: boolean,
): Promise<MissOutcome | { kind: 'late' }> {
  const { softTimeoutMs } = config.advanced ?? {}
  const resolving = resolveMiss(miss)
  if (softTimeoutMs === undefined || !hasFallback) return resolving
  const { clock, defer } = runtime.ports
  const answered = new AbortController()
  const late = clock.sleep(softTimeoutMs, answered.signal).then(() => ({ kind: 'late' }) as const)
  try {
    const first = await Promise.race([resolving, late])
    if (first.kind === 'late') defer(() => inBackground(miss.slot, resolving))
    return first
  } finally {
    answered.abort()
  }
}

async function answerMiss<T>(
  slot: FieldSlot<T>,
  outcome: MissOutcome,
  { cacheMs }: FieldAnswer<T>['timings'],
): Promise<FieldAnswer<T> | null> {
  const { context, config } = slot
  if (outcome.kind === 'superseded') return null
  const { entry } = outcome
  if (outcome.kind === 'arrived') {
    const opened = await slot.open(entry)
    if (opened) slot.keep(opened.entry, outcome.provenAt)
    return opened && context.answer(opened, 'miss', { cacheMs, sourceMs: 0 })
  }
  // What another caller fetched is opened like a stored entry: its schema may be another one.
  const opened =
    outcome.fetchedWith === config
      ? { entry, data: await context.openFetched(entry) }
      : await slot.open(entry)
  if (!opened) return null
  const answer = context.answer(opened, 'miss', { cacheMs, sourceMs: outcome.sourceMs })
  return outcome.notStored ? { ...answer, notStored: true } : answer
}

async function inBackground({ runtime }: FieldSlot, resolving: Promise<unknown>): Promise<void> {
  try {
    await resolving
  } catch (error) {
    // A failure of the source was reported by the fetch, and the reader was served.
    if (isRedisFailure(error)) reportDegraded(runtime.ports, 'refresh', error)
  }
}
