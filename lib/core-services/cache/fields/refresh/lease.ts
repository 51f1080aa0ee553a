/**
 * The leases of a slot that this process asked for. All attempts of a flight ask under one holder, so that a lease
 * whose answer was lost is found again. After a lease was given back or became a cool-down, a late request may
 * still take it: later attempts use a new holder, and only its own holder ends a lease.
 */

import { currentInstant, type Instant, passedSince } from '../../../../shared/clock'
import type { CodedError } from '../../../../shared/errors'
import type { Token } from '../../entry/versionTokens'
import { isRedisFailure } from '../../errors'
import { askStore, askStoreLater } from '../fieldRuntime'
import type { FieldSlot } from '../fieldSlot'
import type { OwnLease } from '../memory/fieldHints'
import type { Lease } from '../store/fieldStore'

/** Prefix of a lease that was turned into a cool-down; the code of the error follows. */
export const FAILED = 'failed '
/** Time to write the entry after the fetch, in ms. */
const LEASE_SLACK_MS = 500
/**
 * How many leases of a slot are remembered. Each set of tokens that readers name, and each replaced entry, has its own.
 * A lease is not given back after success, and must be recognised if it is needed again.
 */
const REMEMBERED = 16
const HOLDERS_REMEMBERED = 4

/** Reuses the holder of the last request for this lease while that can be used. */
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

/** A request that was given up can arrive much later, so any earlier holder may turn up in Redis. */
const holdersBefore = ({ holder, replaces }: OwnLease): Token[] =>
  [...replaces, holder].slice(-HOLDERS_REMEMBERED)

/** Call it before the request is sent. Returns the time. */
export function rememberSending(slot: FieldSlot, lease: Lease): Instant {
  const sentAt = currentInstant(slot.runtime.ports.clock)
  if (knownLease(slot, lease.name)?.holder !== lease.holder) {
    remember(slot, { ...lease, replaces: lease.replaces ?? [], sentAt })
  }
  return sentAt
}

/** `unknown`: Redis failed, so only a lookup can find the holder. */
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

/** `over`: a lease of this process that it cannot use any more; its next request takes it over. */
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
  // The next request takes over these holders only. With any other one it would be refused again and again.
  return { kind: holdersBefore(ours).includes(holder) ? 'over' : 'others' }
}

/** Runs after the answer. The value was not stored, so waiting instances would wait in vain. */
export function giveBack(slot: FieldSlot, lease: Lease): void {
  const end = beginEnding(slot, lease)
  askStoreLater(slot.runtime, 'lease', () => end('free', 1))
}

export async function turnIntoCoolDown(
  slot: FieldSlot,
  lease: Lease,
  { code, milliseconds }: { code: string; milliseconds: number },
): Promise<void> {
  const end = beginEnding(slot, lease)
  await askStore(slot.runtime, 'cooldown', undefined, () => end(`${FAILED}${code}`, milliseconds))
}

function beginEnding(slot: FieldSlot, lease: Lease) {
  const ours = knownLease(slot, lease.name)
  if (ours?.holder === lease.holder) ours.ended = true
  return (text: string, milliseconds: number) => slot.store.endLease(lease, text, milliseconds)
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
