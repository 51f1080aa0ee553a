/** A forced refresh: fetch, check, and replace the value for all readers at once. */

import { currentInstant } from '../../../../shared/clock'
import { hasCode } from '../../../../shared/errors'
import type { NotStored, RefreshReason } from '../../../../shared/events'
import type { Entry } from '../../entry/entry'
import { ownGuard, type Token } from '../../entry/versionTokens'
import { isRedisFailure } from '../../errors'
import { NEVER_DONE } from '../../redis/transport/refusals'
import { type AnyField, assertOptions } from '../fieldConfig'
import { FieldContext } from '../fieldContext'
import { completeTokens, tokenSeconds, tokenWrite } from '../fieldKeys'
import { askStore, type FieldRuntime, reportRedisFailure } from '../fieldRuntime'
import { type FieldSlot, openSlot, returnToUsualSlot } from '../fieldSlot'
import { allPresent } from '../lookup'
import { beginUnproved, keepUnproved } from '../read/withoutRedis'
import { shareKey, shareMark } from '../shareKey'
import { encodeForField } from '../store/entryText'
import { collectEntryTokens } from './entryTokens'
import { fetchEntry } from './fetchEntry'
import { type CapturedLookup, startContention } from './forceContention'
import { fetchUnstored, reportRefresh } from './storeEntry'

export interface Refreshed {
  entry: Entry
  /** False when Redis did not take it. */
  stored: boolean
  /** How long the source took, in ms. */
  sourceMs: number
  /** How many items a list has; null for every other value. */
  items: number | null
}

interface ForceRequest {
  reason: RefreshReason
  purge: boolean
  /** Monotonic clock, ms. */
  until: number
}

/**
 * Fetches now, even if a fresh value is stored. Once it has answered `stored`, no read that starts later returns a value
 * that was fetched before this call. A value that needs several calls of its fetcher counts from the first of them, which
 * began at most two minutes before the last one (`FetchContext.pause`). Other readers are served the old value until the
 * new one replaces it; a source that fails leaves the old value in place.
 *
 * `until`: no new attempt begins that could not end by then (monotonic clock, ms). Rejects with a SOURCE_ error, or with
 * FORCE_CONTENDED when invalidations kept getting in between.
 */
export async function forceRefresh(
  runtime: FieldRuntime,
  config: AnyField,
  reason: RefreshReason,
  purge = false,
  until = Number.POSITIVE_INFINITY,
): Promise<Refreshed> {
  assertOptions(config)
  return forceField(new FieldContext(runtime, config), { reason, purge, until })
}

/** Forced refreshes of a field run one after the other; those that wait and ask for the same share one. */
export function forceField(field: FieldContext, request: ForceRequest): Promise<Refreshed> {
  const { runtime, config } = field
  const { reason, purge } = request
  // A force that a person asked for serves the cron as well, because it never resumes what was read long before it.
  const by = shareKey(config, purge, reason === 'change')
  const work = () => forceOrFetch(field, request)
  return runtime.singleFlight.queue(queueName(config), by, work, reason === 'force')
}

/** How many forced refreshes of a field run or wait in this process: a new one begins after them. */
export function forcesAhead({ singleFlight }: FieldRuntime, field: AnyField): number {
  return singleFlight.queued(queueName(field))
}

const queueName = ({ key }: AnyField): string => `force ${key}`

/** Without Redis the value is fetched all the same, for the caller and for readers during the outage. */
async function forceOrFetch(field: FieldContext, request: ForceRequest): Promise<Refreshed> {
  await field.runtime.ports.atRequest()
  try {
    return await forceInto(await openSlot(field), request)
  } catch (error) {
    reportRedisFailure(field.runtime, 'force', error)
    const unproved = beginUnproved(field)
    const fetched = await fetchUnstored(field, request.reason)
    keepUnproved(field, fetched, unproved)
    return { ...fetched, stored: false }
  }
}

async function forceInto(known: FieldSlot, { reason, purge, until }: ForceRequest): Promise<Refreshed> {
  const { context, runtime, config } = known
  const { clock, uniqueToken } = runtime.ports
  const contention = startContention(context, { mark: shareMark(config, purge), until })
  const by = reason === 'force' ? contention.mark : ''
  for (;;) {
    const slot = (await returnToUsualSlot(known))?.slot ?? known
    const captured = await capture(slot)
    const adopted = await contention.adoptOrGiveUp(slot, captured)
    if (adopted) return { entry: adopted, stored: true, sourceMs: 0, items: countItems(adopted) }
    if (!captured) continue
    const { lookup, tokens } = captured
    const own = uniqueToken()
    const fetching = { slot, guards: lookup.guards, tokens }
    const fetched = await fetchEntry(context, { reason, replaces: lookup, captured: fetching })
    const settled = await collectEntryTokens(slot, fetched.dependencies, tokens, lookup)
    const sentAt = currentInstant(clock)
    const outcome: CommitOutcome = settled
      ? await commit(slot, fetched.entry, { settled, own, purge, by })
      : { kind: 'contended' }
    if (outcome.kind === 'contended') {
      await contention.lost(fetched.sourceMs)
      continue
    }
    const why = outcome.kind === 'stored' ? undefined : outcome.why
    fetched.settle(why)
    const entry = outcome.entry ?? fetched.entry
    if (outcome.kind === 'stored') {
      runtime.memoryCache.noteTokens([[ownGuard(config.key), own]], sentAt)
      slot.keep(entry, sentAt)
      // A read that was sent before the answer can bring the replaced value after it.
      runtime.memoryCache.dropGuarded([ownGuard(config.key)], { token: own, since: sentAt.monotonic })
    }
    reportRefresh(slot, reason, fetched, why ? { why } : {})
    return { ...fetched, entry, stored: outcome.kind === 'stored' }
  }
}

/** Null when another process created missing tokens at the same time: then look again. */
async function capture(slot: FieldSlot): Promise<CapturedLookup | null> {
  const lookup = await slot.lookUp()
  if (allPresent(lookup.tokens)) return { lookup, tokens: lookup.tokens }
  const { tokens, missing } = completeTokens(slot, lookup, slot.runtime.ports.uniqueToken)
  return (await slot.store.createTokens(missing)).created ? { lookup, tokens } : null
}

interface Commit {
  /** What was captured: the tokens that must still stand. */
  settled: Pick<Entry, 'tokens' | 'dependencies'>
  own: Token
  purge: boolean
  /** See `Forced`. */
  by: string
}

/** `entry`: with its tokens. */
type CommitOutcome =
  | { kind: 'stored'; entry: Entry }
  | { kind: 'contended' }
  | { kind: 'unstored'; why: NotStored; entry?: Entry }

async function commit(
  slot: FieldSlot,
  fetched: Entry,
  { settled, own, purge, by }: Commit,
): Promise<CommitOutcome> {
  const { runtime, store, config } = slot
  const ownName = ownGuard(config.key)
  const { [ownName]: before = '', ...others } = settled.tokens
  const tokens = { ...settled.tokens, [ownName]: own }
  const entry: Entry = { ...fetched, ...settled, tokens, forced: { upon: before, by } }
  const ttl = slot.keptSeconds(entry)
  // A value that has ended already serves the caller, and no later reader.
  if (ttl !== 'forever' && ttl <= 0) return { kind: 'unstored', why: 'expired' }
  const text = await encodeForField(runtime, config, entry)
  if (text === null) return { kind: 'unstored', why: 'no-key' }
  const write = async () =>
    store.writeForced({
      entry: slot.entry,
      text,
      ttl,
      expected: [[ownName, before] as const, ...Object.entries(others)].map(
        ([guard, token]) => [store.names.guard(guard), token] as const,
      ),
      own: { token: own, seconds: tokenSeconds(config, ownName) },
    })
  try {
    return (await write()) ? { kind: 'stored', entry } : { kind: 'contended' }
  } catch (error) {
    const failure = reportRedisFailure(runtime, 'write', error)
    const refused = hasCode(failure, ...NEVER_DONE)
    // Only a write that Redis has refused for certain was not done: one without an answer may have been.
    if (refused && purge) await removeOld(slot)
    return refused ? { kind: 'unstored', why: 'redis-failed', entry } : retryCommit(write, entry)
  }
}

/** The script recognises its own work, so it may be sent again after a lost reply. */
async function retryCommit(write: () => Promise<boolean>, entry: Entry): Promise<CommitOutcome> {
  try {
    return (await write()) ? { kind: 'stored', entry } : { kind: 'contended' }
  } catch (error) {
    if (isRedisFailure(error)) return { kind: 'unstored', why: 'redis-failed', entry }
    throw error
  }
}

/** A new own token keeps the old value out of the memory of every other process, too. */
async function removeOld(slot: FieldSlot): Promise<void> {
  const { runtime } = slot
  const guard = ownGuard(slot.config.key)
  runtime.memoryCache.dropGuarded([guard])
  await askStore(runtime, 'purge', undefined, async () => {
    await slot.store.revoke([tokenWrite(slot, guard, runtime.ports.uniqueToken())], [slot.entry])
  })
  runtime.memoryCache.dropGuarded([guard])
}

function countItems({ body }: Entry): number | null {
  const value: unknown = JSON.parse(body)
  return Array.isArray(value) ? value.length : null
}
