/** Tokens, a lease, one fetch in the whole cluster, and the store. docs/freshness.md gives the reason of each guard. */

import { currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import type { RefreshReason } from '../../../../shared/events'
import type { Entry } from '../../entry/entry'
import type { Token } from '../../entry/versionTokens'
import { isSourceError } from '../../errors'
import { reportDegraded } from '../../redis/reportDegraded'
import { isUnanswered } from '../../redis/transport/reachability'
import type { AnyField } from '../fieldConfig'
import { completeTokens } from '../fieldKeys'
import type { FieldSlot } from '../fieldSlot'
import { allPresent, flightName, type Lookup } from '../lookup'
import type { Lease } from '../store/fieldStore'
import { coolDownAfter, coolingError, leaveAlone, quietFlight } from './coolDown'
import { collectEntryTokens } from './entryTokens'
import { fetchEntry } from './fetchEntry'
import { FAILED, findLease, giveBack, leaseFor, rememberSending, takeLease, turnIntoCoolDown } from './lease'
import { reportRefresh, type StoreOutcome, storeEntry } from './storeEntry'

export type MissOutcome =
  | {
      kind: 'fetched'
      entry: Entry
      /** The configuration of the fetch, which may be another caller's. */
      fetchedWith: AnyField
      notStored: boolean
      sourceMs: number
    }
  | {
      /** Stored by another instance, possibly in a shape that this caller's schema refuses. */
      kind: 'arrived'
      entry: Entry
      /** When the request was sent that confirmed its tokens. */
      provenAt: Instant
    }
  /** Tokens changed or could not be created, or another instance fetches: the caller looks again. */
  | { kind: 'superseded' }

export interface Miss {
  slot: FieldSlot
  /** No flight that brought its entry is joined or waited for. */
  lookup: Lookup
  reason: RefreshReason
  /** Waits for the fetch of another instance. A background refresh does not. */
  patient: boolean
}

const SUPERSEDED = { kind: 'superseded' } as const
/** In ms. A waiting instance polls twice a second at most. */
const POLL_MS = 500
/** How long this process leaves a flight alone that fails or runs in another one, in ms. */
const QUIET_MS = 1_000

/** Fetches for the whole cluster, or gets what another instance fetched. Rejects with a SOURCE_ or REDIS_ error. */
export async function resolveMiss(miss: Miss): Promise<MissOutcome> {
  const { slot, lookup } = miss
  const { singleFlight } = slot.runtime
  const { tokens } = lookup
  const creation = `tokens ${slot.name} ${lookup.guards.join(' ')}`
  if (!allPresent(tokens)) {
    // Shared only until the tokens are confirmed, which is before the fetch begins.
    const created = await singleFlight.run(creation, () => createTokens(miss))
    return created ? runFlight(miss, created.tokens, created.lease) : SUPERSEDED
  }
  // Tokens that this process is just creating come with a lease: the reader shares it, or it would wait for it.
  const created = await singleFlight.running<CreatedTokens | null>(creation)?.catch(() => null)
  const lease = created?.tokens.join() === tokens.join() ? created.lease : undefined
  return runFlight(miss, tokens, lease)
}

interface CreatedTokens {
  tokens: readonly Token[]
  lease: RequestedLease
}

interface HeldLease extends Lease {
  sentAt: Instant
}

/** `sentAt`: null when another process holds it. */
interface RequestedLease extends Lease {
  sentAt: Instant | null
}

async function createTokens({ slot, lookup }: Miss): Promise<CreatedTokens | null> {
  const { ports } = slot.runtime
  const { tokens, missing } = completeTokens(slot, lookup, ports.uniqueToken)
  const lease = leaseFor(slot, flightName(slot.name, tokens, lookup))
  const sentAt = rememberSending(slot, lease)
  const { created, leased } = await slot.store.createTokens(missing, lease)
  if (!created) return null
  ports.emit({ type: 'tokens.created', field: slot.config.name, count: missing.length })
  return { tokens: Object.freeze(tokens), lease: { ...lease, sentAt: leased ? sentAt : null } }
}

const isHeld = (lease: RequestedLease): lease is HeldLease => lease.sentAt !== null

interface Flight extends Miss {
  tokens: readonly Token[]
  name: string
}

function runFlight(miss: Miss, tokens: readonly Token[], requested?: RequestedLease): Promise<MissOutcome> {
  const { slot } = miss
  const { runtime } = slot
  const flight: Flight = { ...miss, tokens, name: flightName(slot.name, tokens, miss.lookup) }
  return runtime.singleFlight.run(`fetch ${flight.name}`, async () => {
    // Under tokens that have changed since the lookup, the fetched entry would be useless.
    if (!requested && isOvertaken(flight)) return SUPERSEDED
    const quiet = quietFlight(slot, flight.name)
    if (quiet?.code) throw coolingError(slot, quiet.code)
    if (quiet && !miss.patient) return SUPERSEDED
    const own: RequestedLease = { ...leaseFor(slot, flight.name), sentAt: null }
    // A reader that found another entry than the creator of the tokens has a flight of another name.
    const shared = requested?.name === own.name ? requested : undefined
    const lease = shared ?? own
    const acquired: Acquired = isHeld(lease)
      ? { kind: 'leased', lease }
      : await acquire(flight, lease, shared !== undefined)
    if (acquired.kind === 'refused') {
      return runtime.singleFlight.run(`uncached ${flight.name}`, () => fetchUnder(flight, null))
    }
    if (acquired.kind !== 'leased') return acquired
    const { lease: held } = acquired
    if (passedSince(runtime.ports.clock, held.sentAt) >= held.milliseconds) return SUPERSEDED
    runtime.ports.emit({ type: 'lease.taken', field: slot.config.name })
    return fetchUnder(flight, held)
  })
}

function isOvertaken({ slot, lookup, tokens }: Flight): boolean {
  const captured = Object.fromEntries(lookup.guards.map((guard, index) => [guard, tokens[index] as Token]))
  return slot.runtime.memoryCache.overtaken(captured, lookup.sentAt.monotonic)
}

/** `refused`: Redis answers, but takes no lease. */
type Acquired = { kind: 'leased'; lease: HeldLease } | { kind: 'refused' } | MissOutcome

/** Asks until this process holds the lease or does not need it any more. */
async function acquire(flight: Flight, firstLease: Lease, isHeldByOther: boolean): Promise<Acquired> {
  const { slot, patient, tokens } = flight
  const { current, dependencyFingerprint } = flight.lookup
  const { clock, random, emit } = slot.runtime.ports
  const began = currentInstant(clock)
  const field = slot.config.name
  let lease = firstLease
  let held = isHeldByOther
  let refusal: CodedError | null = null
  for (;;) {
    if (!held) {
      const taken = await takeLease(slot, lease)
      if (taken.kind === 'taken') return { kind: 'leased', lease: { ...lease, sentAt: taken.sentAt } }
      refusal = taken.kind === 'unknown' ? taken.error : null
    }
    const lookup = await slot.lookUp(lease.name)
    const arrived = lookup.valid !== null && lookup.valid.revision !== current?.revision
    if (lookup.valid && arrived && slot.context.freshness(lookup.valid) === 'fresh') {
      emit({ type: 'field.arrived', field })
      return { kind: 'arrived', entry: lookup.valid, provenAt: lookup.sentAt }
    }
    if (lookup.tokens.some((token, index) => token !== tokens[index])) return SUPERSEDED
    if (lookup.dependencyFingerprint !== dependencyFingerprint) return SUPERSEDED
    // Another entry is stored: the flight of this name may be over, with no process behind its lease.
    if (lookup.current?.revision !== current?.revision) return SUPERSEDED
    if (lookup.holder?.startsWith(FAILED)) {
      const code = lookup.holder.slice(FAILED.length)
      leaveAlone(slot, flight.name, { milliseconds: QUIET_MS, code })
      throw coolingError(slot, code)
    }
    // No other flight of this process has this name: the sender of a lease of ours has ended or lost the answer.
    const found = findLease(slot, lease, lookup.holder)
    if (found.kind === 'ours') {
      return { kind: 'leased', lease: { ...lease, holder: lookup.holder ?? '', sentAt: found.sentAt } }
    }
    if (found.kind === 'over') lease = leaseFor(slot, flight.name)
    held = found.kind === 'others'
    if (!held && refusal) {
      // A request without an answer may have been done. A refused one was not: Redis is full or read-only.
      if (isUnanswered(refusal)) throw refusal
      reportDegraded({ emit }, 'lease', refusal)
      return { kind: 'refused' }
    }
    if (held) emit({ type: 'lease.held', field, patient })
    if (held && !patient) leaveAlone(slot, flight.name, { milliseconds: QUIET_MS, code: null })
    if (held && (!patient || passedSince(clock, began) >= lease.milliseconds)) return SUPERSEDED
    if (held) await clock.sleep(POLL_MS * (1 + random() / 2))
  }
}

/** Without a lease the value is kept in memory only: Redis answers, but refuses writes. */
async function fetchUnder(flight: Flight, lease: HeldLease | null): Promise<MissOutcome> {
  const { slot, lookup, reason, tokens } = flight
  const { runtime, config } = slot
  const { clock } = runtime.ports
  // Tokens that Redis answers to later requests are newer than the captured ones.
  const began = lookup.sentAt.monotonic
  const endLease = () => lease && giveBack(slot, lease)
  const store = async (entry: Entry): Promise<StoreOutcome> => {
    if (!lease) return { why: 'redis-failed' }
    const findObstacle = () => {
      // Another process may hold the lease by now, and have stored a newer value.
      if (passedSince(clock, lease.sentAt) >= lease.milliseconds) return 'lease-over'
      return runtime.memoryCache.overtaken(entry.tokens, began) ? 'outdated' : undefined
    }
    return storeEntry(slot, entry, { leaseMs: lease.milliseconds, findObstacle })
  }
  try {
    const captured = { slot, guards: lookup.guards, tokens }
    const fetched = await fetchEntry(slot.context, { reason, replaces: lookup, captured })
    const { sourceMs, dependencies } = fetched
    const entryTokens = await collectEntryTokens(slot, { lookup, tokens, dependencies })
    if (!entryTokens) {
      endLease()
      reportRefresh(slot, fetched, { reason, why: 'dependencies-changed' })
      return { kind: 'fetched', entry: fetched.entry, fetchedWith: config, notStored: true, sourceMs }
    }
    const entry: Entry = { ...fetched.entry, ...entryTokens }
    const outcome = await store(entry)
    const isOutdated = outcome.why === 'outdated' || outcome.why === 'lease-over'
    if (!isOutdated) slot.keep(entry, lookup.sentAt)
    // Nothing was stored, so the flight keeps its name and other instances would wait for this lease.
    if (outcome.why && outcome.why !== 'lease-over') endLease()
    fetched.settle(outcome.why)
    reportRefresh(slot, fetched, { reason, why: outcome.why })
    return { kind: 'fetched', entry, fetchedWith: config, notStored: outcome.why !== undefined, sourceMs }
  } catch (error) {
    if (isSourceError(error)) {
      const coolDown = coolDownAfter(error)
      leaveAlone(slot, flight.name, coolDown)
      if (lease) await turnIntoCoolDown(slot, lease, coolDown)
    } else endLease()
    throw error
  }
}
