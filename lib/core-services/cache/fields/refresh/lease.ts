/**
 * The leases of a slot as this process knows them. All attempts of a flight ask for its lease under one holder, so that a
 * lease whose answer was lost is found again. Once a lease was given back, or has become a cool-down, that request may
 * still arrive: later attempts use a new holder, and an ending ends the lease of its own holder only.
 */

import { currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import type { Token } from '../../entry/versionTokens'
import { isRedisFailure } from '../../errors'
import { askStore, askStoreLater } from '../fieldRuntime'
import type { FieldSlot } from '../fieldSlot'
import type { OwnLease } from '../memory/fieldHints'
import type { Lease } from '../store/fieldStore'

/** How much longer than a fetch may take the lease holds, for writing the entry, in ms. */
const LEASE_SLACK_MS = 500
/**
 * How many leases of a slot are remembered: each set of tokens that its readers name, and each entry that is replaced, has
 * one of its own. They are not given back once the entry stands, and one that is needed again in its time is found again.
 */
const REMEMBERED = 16
/** How many holders of one lease are remembered. */
const HOLDERS_REMEMBERED = 4

/** The lease of a flight: under the holder of its last request, as long as that one could be used. */
export function leaseFor(slot: FieldSlot, flight: string): Lease {
  const name = slot.store.names.lease(slot.config.key, flight)
  const milliseconds = slot.context.timeoutMs + LEASE_SLACK_MS
  const before = knownLease(slot, name)
  if (before && isUsable(slot, before, milliseconds)) {
    return { name, milliseconds, holder: before.holder, replaces: before.replaces }
  }
  const holder = slot.runtime.ports.uniqueToken()
  return { name, milliseconds, holder, replaces: before ? holdersBefore(before) : [] }
}

/** A request that was given up can arrive long after: any holder may be found in Redis, whatever came after it. */
const holdersBefore = ({ holder, replaces }: OwnLease): Token[] =>
  [...replaces, holder].slice(-HOLDERS_REMEMBERED)

/** Remembers a lease that is about to be sent. Returns the time. */
export function rememberSending(slot: FieldSlot, lease: Lease): Instant {
  const sentAt = currentInstant(slot.runtime.ports.clock)
  if (knownLease(slot, lease.name)?.holder !== lease.holder) {
    remember(slot, { ...lease, replaces: lease.replaces ?? [], sentAt })
  }
  return sentAt
}

/** `unknown`: Redis failed; a lookup tells who holds the lease. */
export type LeaseAttempt =
  | { kind: 'taken'; sentAt: Instant }
  | { kind: 'held' }
  | { kind: 'unknown'; error: CodedError }

export async function takeLease(slot: FieldSlot, lease: Lease): Promise<LeaseAttempt> {
  const before = knownLease(slot, lease.name)
  const sentAt = rememberSending(slot, lease)
  try {
    if (await slot.store.takeLease(lease)) {
      remember(slot, { ...lease, replaces: lease.replaces ?? [], sentAt })
      return { kind: 'taken', sentAt }
    }
    // Redis may still hold the lease of an earlier request of this process.
    forget(slot, lease.name)
    if (before) remember(slot, before)
    return { kind: 'held' }
  } catch (error) {
    if (isRedisFailure(error)) return { kind: 'unknown', error }
    throw error
  }
}

/**
 * Whose lease a lookup has found. `over`: one of this process that cannot be used any more; the next request takes it
 * over.
 */
export type FoundLease =
  | { kind: 'free' }
  | { kind: 'ours'; sentAt: Instant }
  | { kind: 'over' }
  | { kind: 'others' }

export function findLease(slot: FieldSlot, lease: Lease, holder: string | null): FoundLease {
  if (holder === null) return { kind: 'free' }
  const ours = knownLease(slot, lease.name)
  if (!ours) return { kind: 'others' }
  if (ours.holder === holder && isUsable(slot, ours, lease.milliseconds)) {
    return { kind: 'ours', sentAt: ours.sentAt }
  }
  // Only a holder that the next request takes over: for any other one it would be refused, again and again.
  return { kind: holdersBefore(ours).includes(holder) ? 'over' : 'others' }
}

/** Frees the lease after the answer, when the fetched value was not stored: waiting instances would wait in vain. */
export function giveBack(slot: FieldSlot, lease: Lease): void {
  const end = beginEnding(slot, lease)
  askStoreLater(slot.runtime, 'lease', () => end('free', 1))
}

/** Turns the lease into the cool-down of its flight. */
export async function turnIntoCoolDown(
  slot: FieldSlot,
  lease: Lease,
  note: string,
  milliseconds: number,
): Promise<void> {
  const end = beginEnding(slot, lease)
  await askStore(slot.runtime, 'cooldown', undefined, () => end(note, milliseconds))
}

function beginEnding(slot: FieldSlot, lease: Lease) {
  const ours = knownLease(slot, lease.name)
  if (ours?.holder === lease.holder) ours.ended = true
  return (note: string, milliseconds: number) => slot.store.endLease(lease, note, milliseconds)
}

function isUsable({ runtime }: FieldSlot, { sentAt, ended }: OwnLease, milliseconds: number): boolean {
  return !ended && passedSince(runtime.ports.clock, sentAt) < milliseconds
}

function knownLease({ hints }: FieldSlot, name: string): OwnLease | undefined {
  return hints.leases?.find((one) => one.name === name)
}

function forget({ hints }: FieldSlot, name: string): void {
  hints.leases = hints.leases?.filter((one) => one.name !== name) ?? []
}

function remember(slot: FieldSlot, { name, holder, sentAt, ended, replaces }: OwnLease): void {
  forget(slot, name)
  const { hints } = slot
  hints.leases = [...(hints.leases ?? []), { name, holder, sentAt, ended, replaces }].slice(-REMEMBERED)
}
