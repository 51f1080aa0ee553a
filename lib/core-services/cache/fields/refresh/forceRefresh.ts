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
import { collectEntryTokens, type EntryTokens } from './entryTokens'
import { fetchEntry } from './fetchEntry'
import { type CapturedLookup, startContention } from './forceContention'
import { fetchUnstored, reportRefresh } from './storeEntry'

export interface Refreshed {
  entry: Entry
  stored: boolean
  sourceMs: number
  /** Null unless the value is a list. */
  items: number | null
}

export interface ForceOptions {
  /** Removes the old value if Redis refuses to store the new one. @default false */
  purge?: boolean
  /** No new attempt begins that could end later than this (monotonic clock, in ms). @default no limit */
  until?: number
}

interface ForceRequest extends Required<ForceOptions> {
  reason: RefreshReason
}

/**
 * Fetches now, even if a fresh value is stored. Once it has answered `stored`, no read that starts later returns a
 * value fetched before this call; a value that needs several fetches counts from the first, two minutes earlier at
 * most. Readers are served the old value until then, and keep it if the source fails. Rejects with a SOURCE_ error, or
 * with FORCE_CONTENDED if others kept interfering.
 */
export async function forceRefresh(
  runtime: FieldRuntime,
  config: AnyField,
  reason: RefreshReason,
  { purge = false, until = Number.POSITIVE_INFINITY }: ForceOptions = {},
): Promise<Refreshed> {
  assertOptions(config)
  return forceField(new FieldContext(runtime, config), { reason, purge, until })
}

/** Runs the forces of a field one after the other. Those that wait and ask for the same share one. */
export function forceField(field: FieldContext, request: ForceRequest): Promise<Refreshed> {
  const { runtime, config } = field
  const { reason, purge } = request
  // A force for a user also serves the cron: it never resumes progress that was read long before it.
  const sharedBy = shareKey(config, purge, reason === 'change')
  const work = () => forceOrFetch(field, request)
  return runtime.singleFlight.queue(queueName(config), sharedBy, work, reason === 'force')
}

export function forcesAhead({ singleFlight }: FieldRuntime, field: AnyField): number {
  return singleFlight.queued(queueName(field))
}

const queueName = ({ key }: AnyField): string => `force ${key}`

/** Without Redis, the fetched value serves the caller, and readers during the outage. */
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

async function forceInto(openedSlot: FieldSlot, { reason, purge, until }: ForceRequest): Promise<Refreshed> {
  const { context, runtime, config } = openedSlot
  const { clock, uniqueToken } = runtime.ports
  const contention = startContention(context, { mark: shareMark(config, purge), until })
  const forcedBy = reason === 'force' ? contention.mark : ''
  for (;;) {
    const slot = (await returnToUsualSlot(openedSlot))?.slot ?? openedSlot
    const captured = await capture(slot)
    const adopted = await contention.adoptOrGiveUp(slot, captured)
    if (adopted) return { entry: adopted, stored: true, sourceMs: 0, items: countItems(adopted) }
    if (!captured) continue
    const { lookup, tokens } = captured
    const newOwn = uniqueToken()
    const progressTokens = { slot, guards: lookup.guards, tokens }
    const fetched = await fetchEntry(context, { reason, replaces: lookup, captured: progressTokens })
    const entryTokens = await collectEntryTokens(slot, { ...captured, dependencies: fetched.dependencies })
    const sentAt = currentInstant(clock)
    const outcome: CommitOutcome = entryTokens
      ? await commit(slot, fetched.entry, { entryTokens, newOwn, purge, forcedBy })
      : { kind: 'contended' }
    if (outcome.kind === 'contended') {
      await contention.waitAfterLoss(fetched.sourceMs)
      continue
    }
    const why = outcome.kind === 'stored' ? undefined : outcome.why
    fetched.settle(why)
    const entry = outcome.entry ?? fetched.entry
    if (outcome.kind === 'stored') {
      runtime.memoryCache.noteTokens([[ownGuard(config.key), newOwn]], sentAt)
      slot.keep(entry, sentAt)
      // A read that was sent before this write may bring the replaced value later.
      runtime.memoryCache.dropGuarded([ownGuard(config.key)], { token: newOwn, since: sentAt.monotonic })
    }
    reportRefresh(slot, fetched, { reason, why })
    return { ...fetched, entry, stored: outcome.kind === 'stored' }
  }
}

/** Null when another process created missing tokens at the same time. */
async function capture(slot: FieldSlot): Promise<CapturedLookup | null> {
  const lookup = await slot.lookUp()
  if (allPresent(lookup.tokens)) return { lookup, tokens: lookup.tokens }
  const { tokens, missing } = completeTokens(slot, lookup, slot.runtime.ports.uniqueToken)
  return (await slot.store.createTokens(missing)).created ? { lookup, tokens } : null
}

interface Commit {
  entryTokens: EntryTokens
  newOwn: Token
  purge: boolean
  /** See `Entry.forced`. */
  forcedBy: string
}

type CommitOutcome =
  | { kind: 'stored'; entry: Entry }
  | { kind: 'contended' }
  | { kind: 'unstored'; why: NotStored; entry?: Entry }

async function commit(
  slot: FieldSlot,
  fetched: Entry,
  { entryTokens, newOwn, purge, forcedBy }: Commit,
): Promise<CommitOutcome> {
  const { runtime, store, config } = slot
  const ownName = ownGuard(config.key)
  const { [ownName]: capturedOwn = '', ...others } = entryTokens.tokens
  const tokens = { ...entryTokens.tokens, [ownName]: newOwn }
  const forced = { upon: capturedOwn, by: forcedBy }
  const entry: Entry = { ...fetched, ...entryTokens, tokens, forced }
  const ttl = slot.lifetimeSeconds(entry)
  // A value that has ended already answers the caller, but no later reader.
  if (ttl !== 'forever' && ttl <= 0) return { kind: 'unstored', why: 'expired' }
  const text = await encodeForField(runtime, config, entry)
  if (text === null) return { kind: 'unstored', why: 'no-key' }
  const write = async () =>
    store.writeForced({
      entry: slot.entry,
      text,
      ttl,
      expected: [[ownName, capturedOwn] as const, ...Object.entries(others)].map(
        ([guard, token]) => [store.names.guard(guard), token] as const,
      ),
      own: { token: newOwn, seconds: tokenSeconds(config, ownName) },
    })
  try {
    return (await write()) ? { kind: 'stored', entry } : { kind: 'contended' }
  } catch (error) {
    const failure = reportRedisFailure(runtime, 'write', error)
    const isRefused = hasCode(failure, ...NEVER_DONE)
    // A write without an answer may have been done; one that Redis refused was not.
    if (isRefused && purge) await removeOld(slot)
    return isRefused ? { kind: 'unstored', why: 'redis-failed', entry } : retryCommit(write, entry)
  }
}

/** The script recognises its own token, so it may be sent again after a lost answer. */
async function retryCommit(write: () => Promise<boolean>, entry: Entry): Promise<CommitOutcome> {
  try {
    return (await write()) ? { kind: 'stored', entry } : { kind: 'contended' }
  } catch (error) {
    if (isRedisFailure(error)) return { kind: 'unstored', why: 'redis-failed', entry }
    throw error
  }
}

/** The new own token keeps the old value out of the memory of other processes. */
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
