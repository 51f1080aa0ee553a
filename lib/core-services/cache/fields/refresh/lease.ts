/**
 * The lease of a flight as this process knows it. All attempts of a flight ask for it under one holder, so one of which
 * the answer was lost is found again. Once it was given back, or has become a cool-down, that request may still be on its
 * way: whoever asks after that does so under a new holder, and whatever ends a lease ends it only for its own.
 */

import { currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import type { Token } from '../../entry/versionTokens'
import { isRedisFailure } from '../../errors'
import type { Place } from '../fieldPlace'
import { askStore, askStoreLater, type FieldRuntime } from '../fieldRuntime'
import type { OwnLease } from '../memory/fieldHints'
import type { Lease } from '../store/fieldStore'
import { timeoutOf } from './fetchEntry'

/** How much longer than a fetch may take the lease holds, for writing the entry, in ms. */
const LEASE_SLACK_MS = 500
/**
 * How many leases of a field are remembered: each set of tokens that its readers name, and each entry that is replaced, has
 * one of its own. They are not given back once the entry stands, and one that comes again in its time is found again.
 */
const KEPT = 16
/** How many holders of one lease. */
const HOLDERS_KEPT = 4

/** What a flight asks for: under the holder that it has asked with before, as long as that lease could be used. */
export function leaseOf(runtime: FieldRuntime, place: Place, flight: string): Lease {
  const name = place.store.names.lease(place.field.key, flight)
  const milliseconds = timeoutOf(runtime, place.field) + LEASE_SLACK_MS
  const before = knownLease(runtime, place, name)
  if (before && isUsable(runtime, before, milliseconds)) {
    return { name, milliseconds, holder: before.holder, replaces: before.replaces }
  }
  return { name, milliseconds, holder: runtime.ports.uniqueToken(), replaces: before ? earlier(before) : [] }
}

/** A request that was given up can arrive long after: each holder of one may be found in Redis, whatever came after it. */
const earlier = ({ holder, replaces }: OwnLease): Token[] => [...replaces, holder].slice(-HOLDERS_KEPT)

/** Remembers a lease that is about to be sent. Answers when that is. */
export function noteLease(runtime: FieldRuntime, place: Place, lease: Lease): Instant {
  const sentAt = currentInstant(runtime.ports.clock)
  if (knownLease(runtime, place, lease.name)?.holder !== lease.holder) {
    remember(runtime, place, { ...lease, replaces: lease.replaces ?? [], sentAt })
  }
  return sentAt
}

/** When it was sent; null when another process has it, an error when nothing is known: a look tells whose it is. */
export async function takeLease(
  runtime: FieldRuntime,
  place: Place,
  lease: Lease,
): Promise<Instant | CodedError | null> {
  const before = knownLease(runtime, place, lease.name)
  const sentAt = noteLease(runtime, place, lease)
  try {
    if (await place.store.takeLease(lease)) {
      remember(runtime, place, { ...lease, replaces: lease.replaces ?? [], sentAt })
      return sentAt
    }
    // Refused, so what stands there may still be one that was sent earlier.
    forget(runtime, place, lease.name)
    if (before) remember(runtime, place, before)
    return null
  } catch (error) {
    if (isRedisFailure(error)) return error
    throw error
  }
}

/**
 * When the lease was sent that a look has found, if it is ours and can be used; `over` for one of ours that cannot, which
 * the next request takes over; null for nobody's, and for that of another process.
 */
export function foundLease(
  runtime: FieldRuntime,
  place: Place,
  lease: Lease,
  holder: string | null,
): Instant | 'over' | null {
  const ours = knownLease(runtime, place, lease.name)
  if (!ours || holder === null) return null
  if (ours.holder === holder && isUsable(runtime, ours, lease.milliseconds)) return ours.sentAt
  // Only of what the next request takes over: of any other one it would be refused, over and over.
  return earlier(ours).includes(holder) ? 'over' : null
}

/** After the answer: whoever waits for what was not written would wait in vain. */
export function giveBack(runtime: FieldRuntime, place: Place, lease: Lease): void {
  const end = endingOf(runtime, place, lease)
  askStoreLater(runtime, 'lease', () => end('free', 1))
}

/** Turns the lease into the cool-down of its flight. */
export async function coolDown(
  runtime: FieldRuntime,
  place: Place,
  lease: Lease,
  note: string,
  milliseconds: number,
): Promise<void> {
  const end = endingOf(runtime, place, lease)
  await askStore(runtime, 'cooldown', undefined, () => end(note, milliseconds))
}

function endingOf(runtime: FieldRuntime, place: Place, lease: Lease) {
  const ours = knownLease(runtime, place, lease.name)
  if (ours?.holder === lease.holder) ours.ended = true
  return (note: string, milliseconds: number) => place.store.endLease(lease, note, milliseconds)
}

function isUsable({ ports }: FieldRuntime, { sentAt, ended }: OwnLease, milliseconds: number): boolean {
  return !ended && passedSince(ports.clock, sentAt) < milliseconds
}

function knownLease({ hints }: FieldRuntime, place: Place, name: string): OwnLease | undefined {
  return hints.get(place.name).leases?.find((one) => one.name === name)
}

function forget({ hints }: FieldRuntime, place: Place, name: string): void {
  const fieldHints = hints.get(place.name)
  fieldHints.leases = fieldHints.leases?.filter((one) => one.name !== name) ?? []
}

function remember(runtime: FieldRuntime, place: Place, lease: OwnLease): void {
  const { name, holder, sentAt, ended, replaces } = lease
  forget(runtime, place, name)
  const fieldHints = runtime.hints.get(place.name)
  fieldHints.leases = [...(fieldHints.leases ?? []), { name, holder, sentAt, ended, replaces }].slice(-KEPT)
}
