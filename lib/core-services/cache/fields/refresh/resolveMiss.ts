/**
 * The way of a miss: tokens that stand before the fetch, one fetch in the whole cluster, and what the others do
 * meanwhile. The steps and the reason of each guard are in docs/freshness.md.
 */

import { currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import type { RefreshReason } from '../../../../shared/events'
import type { Entry } from '../../entry/entry'
import { getFreshness } from '../../entry/freshness'
import type { Token } from '../../entry/versionTokens'
import { isSourceError } from '../../errors'
import { wasSilent } from '../../redis/transport/reachability'
import type { AnyField } from '../fieldConfig'
import { completeTokens, lookAt, type Place } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import { allPresent, flightName, type Lookup } from '../lookup'
import type { Lease } from '../store/fieldStore'
import { coolDownOf, cooling, leaveAlone, quietFlight } from './coolDown'
import { fetchEntry } from './fetchEntry'
import { coolDown, foundLease, giveBack, leaseOf, noteLease, takeLease } from './lease'
import { settleTokens } from './settleTokens'
import { keepCopy, reportRefresh, type Stored, storeEntry } from './storeEntry'

/** What came of it; null when the tokens have changed or could not be created, so that what was seen does not count. */
export type Filled = {
  entry: Entry
  /** The configuration that it was fetched by, which may be that of another caller; null for another instance. */
  by: AnyField | null
  /** Redis holds nothing of it. */
  notStored?: boolean
  /** How long the source took, in ms; 0 when another instance fetched. */
  sourceMs: number
  /** Another instance has stored it, maybe in a shape of its own. This is when the request was sent that proved it. */
  arrivedAt?: Instant
} | null

export interface Fill {
  place: Place
  /** Its entry, if there is one, is to be replaced: no flight that brought it is joined or waited for. */
  look: Lookup
  reason: RefreshReason
  /** Whether to wait for a fetch of another instance; a background refresh leaves it to that one. */
  patient: boolean
}

/** Polls of a waiting instance: at most two a second. */
const POLL_MS = 500
/** How long this process leaves a flight alone of which it has read that it fails or is under way, in ms. */
const QUIET_MS = 1_000

/** How a lease begins that was turned into a cool-down; the code of the error follows. */
export const FAILED = 'failed '

/** Fetches for the whole cluster or gets what another instance fetched. Rejects with a SOURCE_ or a REDIS_ error. */
export async function fillField(runtime: FieldRuntime, fill: Fill): Promise<Filled> {
  const { place, look } = fill
  const { tokens } = look
  const creation = `tokens ${place.name} ${look.guards.join(' ')}`
  if (!allPresent(tokens)) {
    // Joined only until the tokens are confirmed, which is before the fetch begins.
    const born = await runtime.singleFlight.run(creation, () => createTokens(runtime, fill))
    return born && fly(runtime, fill, born.tokens, born.lease)
  }
  // Whoever sees tokens that this process is just creating shares the lease that comes with them, or would wait for it.
  const born = await runtime.singleFlight.running<Born | null>(creation)?.catch(() => null)
  const lease = born?.tokens.join() === tokens.join() ? born.lease : undefined
  return fly(runtime, fill, tokens, lease)
}

interface Born {
  tokens: readonly Token[]
  lease: TakenLease
}

/** One that this process has for itself. */
interface HeldLease extends Lease {
  sentAt: Instant
}

interface TakenLease extends Lease {
  /** Null when somebody else has it. */
  sentAt: Instant | null
}

async function createTokens(runtime: FieldRuntime, { place, look }: Fill): Promise<Born | null> {
  const { ports } = runtime
  const { tokens, missing } = completeTokens(place, look, ports.uniqueToken)
  const lease = leaseOf(runtime, place, flightName(place.name, tokens, look))
  const sentAt = noteLease(runtime, place, lease)
  const { created, leased } = await place.store.createTokens(missing, lease)
  if (!created) return null
  ports.emit({ type: 'tokens.created', field: place.field.name, count: missing.length })
  return { tokens: Object.freeze(tokens), lease: { ...lease, sentAt: leased ? sentAt : null } }
}

const isTaken = (lease: TakenLease): lease is HeldLease => lease.sentAt !== null

/** One flight in the process per place, tokens and entry that it replaces: after an invalidation nobody joins it. */
function fly(
  runtime: FieldRuntime,
  fill: Fill,
  tokens: readonly Token[],
  taken?: TakenLease,
): Promise<Filled> {
  const { place } = fill
  const flight = flightName(place.name, tokens, fill.look)
  return runtime.singleFlight.run(`fetch ${flight}`, async () => {
    // What began long after its look could only be stored over a newer entry.
    if (!taken && isOvertaken(runtime, fill, tokens)) return null
    const quiet = quietFlight(runtime, place.name, flight)
    if (quiet?.code) throw cooling(runtime, place.field, quiet.code)
    if (quiet && !fill.patient) return null
    const own: Lease & { sentAt: null } = { ...leaseOf(runtime, place, flight), sentAt: null }
    // Who has seen another entry than the creator of the tokens flies under another name.
    const shared = taken?.name === own.name ? taken : undefined
    const lease = shared ?? own
    const held = isTaken(lease)
      ? lease
      : await acquire(runtime, fill, tokens, flight, lease, shared !== undefined)
    if (held === 'refused') {
      return runtime.singleFlight.run(`uncached ${flight}`, () =>
        fetchUnder(runtime, fill, tokens, flight, null),
      )
    }
    if (held === null || !('holder' in held)) return held
    if (passedSince(runtime.ports.clock, held.sentAt) >= held.milliseconds) return null
    runtime.ports.emit({ type: 'lease.taken', field: place.field.name })
    return fetchUnder(runtime, fill, tokens, flight, held)
  })
}

/** Whether this process has learned since the look that a token of it stands no more. */
function isOvertaken(runtime: FieldRuntime, { look }: Fill, tokens: readonly Token[]): boolean {
  const captured = Object.fromEntries(look.guards.map((guard, index) => [guard, tokens[index] as Token]))
  return runtime.memoryCache.overtaken(captured, look.sentAt.monotonic)
}

/** The lease that is now ours, or what made it needless; `refused` when Redis answers and takes none. */
async function acquire(
  runtime: FieldRuntime,
  { place, patient, look: { replaced, watched } }: Fill,
  tokens: readonly Token[],
  flight: string,
  asked: Lease,
  lost: boolean,
): Promise<HeldLease | Filled | 'refused'> {
  const { clock, random, emit } = runtime.ports
  const began = currentInstant(clock)
  const field = place.field.name
  let lease = asked
  let held = lost
  let refusal: CodedError | null = null
  for (;;) {
    if (!held) {
      const taken = await takeLease(runtime, place, lease)
      if (taken && 'monotonic' in taken) return { ...lease, sentAt: taken }
      refusal = taken
    }
    const look = await lookAt(runtime, place, lease.name)
    const arrived = look.valid !== null && look.valid.revision !== replaced?.revision
    if (look.valid && arrived && getFreshness(look.valid, place.field, clock.now()) === 'fresh') {
      emit({ type: 'field.arrived', field })
      return { entry: look.valid, by: null, sourceMs: 0, arrivedAt: look.sentAt }
    }
    if (look.tokens.some((token, index) => token !== tokens[index])) return null
    if (look.watched !== watched) return null
    // Something else stands there: the flight of this name may be over, with nobody behind its lease.
    if (look.replaced?.revision !== replaced?.revision) return null
    if (look.holder?.startsWith(FAILED)) {
      const code = look.holder.slice(FAILED.length)
      leaveAlone(runtime, place.name, flight, QUIET_MS, code)
      throw cooling(runtime, place.field, code)
    }
    // No other flight of this process has this name, so whoever sent it is done, or never heard the answer.
    const ours = foundLease(runtime, place, lease, look.holder)
    if (ours && ours !== 'over') return { ...lease, holder: look.holder ?? '', sentAt: ours }
    if (ours) lease = leaseOf(runtime, place, flight)
    held = look.holder !== null && !ours
    if (!held && refusal) {
      // What was not answered may have been done. What was refused was not: Redis is full or read-only.
      if (wasSilent(refusal)) throw refusal
      emit({ type: 'redis.degraded', operation: 'lease', code: refusal.code, message: refusal.message })
      return 'refused'
    }
    if (held) emit({ type: 'lease.held', field, patient })
    if (held && !patient) leaveAlone(runtime, place.name, flight, QUIET_MS, null)
    if (held && (!patient || passedSince(clock, began) >= lease.milliseconds)) return null
    if (held) await clock.sleep(POLL_MS * (1 + random() / 2))
  }
}

/**
 * What is fetched under tokens that stand is a copy of this process as soon as it is there. Without a lease, from a Redis
 * that answers and takes nothing, it is no more than that.
 */
async function fetchUnder(
  runtime: FieldRuntime,
  { place, look, reason }: Fill,
  tokens: readonly Token[],
  flight: string,
  lease: HeldLease | null,
): Promise<Filled> {
  const { clock } = runtime.ports
  // Whatever Redis tells in answer to a later request is newer than what was captured.
  const began = look.sentAt.monotonic
  const endLease = () => lease && giveBack(runtime, place, lease)
  const store = async (entry: Entry): Promise<Stored> => {
    if (!lease) return { why: 'redis-failed' }
    return storeEntry(runtime, place, entry, lease.milliseconds, () => {
      // Somebody else may hold the lease by now, and be further.
      if (passedSince(clock, lease.sentAt) >= lease.milliseconds) return 'lease-over'
      return runtime.memoryCache.overtaken(entry.tokens, began) ? 'outdated' : undefined
    })
  }
  try {
    const fetched = await fetchEntry(runtime, place.field, reason, look, {
      place,
      guards: look.guards,
      tokens,
    })
    const settled = await settleTokens(runtime, place, fetched.dependencies, tokens, look)
    if (!settled) {
      endLease()
      reportRefresh(runtime, place.field, reason, fetched, { why: 'dependencies-changed' })
      return { ...fetched, by: place.field, notStored: true }
    }
    const entry: Entry = { ...fetched.entry, ...settled }
    const outcome = await store(entry)
    const overtaken = outcome.why === 'outdated' || outcome.why === 'lease-over'
    if (!overtaken) keepCopy(runtime, place, entry, look.sentAt)
    // An invalidation that Redis has refused leaves the name of the flight as it was, for others to wait behind.
    if (outcome.why && outcome.why !== 'lease-over') endLease()
    fetched.settle(outcome.why)
    reportRefresh(runtime, place.field, reason, fetched, outcome)
    return { ...fetched, entry, by: place.field, notStored: outcome.why !== undefined }
  } catch (error) {
    if (isSourceError(error)) {
      const { code, milliseconds } = coolDownOf(error)
      leaveAlone(runtime, place.name, flight, milliseconds, code)
      if (lease) await coolDown(runtime, place, lease, `${FAILED}${code}`, milliseconds)
    } else endLease()
    throw error
  }
}
