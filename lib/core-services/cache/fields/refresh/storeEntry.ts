/** How a fetched entry gets into Redis and into the memory of this process, and what is told of it. */

import type { Instant } from '../../../../shared/clock'
import type { NotStored, RefreshReason } from '../../../../shared/events'
import type { Entry } from '../../entry/entry'
import { getLifetime } from '../../entry/freshness'
import type { AnyField } from '../fieldConfig'
import type { Place } from '../fieldPlace'
import { askStore, type FieldRuntime } from '../fieldRuntime'
import { textOf } from '../store/entryText'
import { type Fetched, fetchEntry } from './fetchEntry'

export interface Stored {
  /** Absent when the entry was stored. */
  why?: NotStored
}

/** How long what a deployment keeps aside may stay there, in s: nobody clears up after it. */
const ASIDE_SECONDS = 30 * 86_400

/**
 * A plain write: one that comes late holds old tokens, so it is served to nobody. `obstacle` is asked right before it.
 * Redis keeps the entry at least for `leaseMs`: a flight is named by the entry that it replaces, and who finds none
 * would wait for the lease of the fetch that has brought it.
 */
export async function storeEntry(
  runtime: FieldRuntime,
  place: Place,
  entry: Entry,
  leaseMs: number,
  obstacle: () => NotStored | undefined,
): Promise<Stored> {
  const lifetime = keptSeconds(place, entry)
  if (lifetime !== 'forever' && lifetime <= 0) return { why: 'expired' }
  const text = await textOf(runtime, place.field, entry)
  if (text === null) return { why: 'no-key' }
  return askStore<Stored>(runtime, 'write', { why: 'redis-failed' }, async () => {
    const why = obstacle()
    if (why) return { why }
    const seconds = lifetime === 'forever' ? lifetime : Math.max(lifetime, Math.ceil(leaseMs / 1000))
    await place.store.write(place.entry, text, seconds)
    return {}
  })
}

/** How long Redis keeps an entry, in s: as long as anybody may serve it. */
export function keptSeconds({ field, name }: Place, entry: Entry): number | 'forever' {
  const lifetime = getLifetime(field, entry)
  return lifetime === 'forever' && name !== field.key ? ASIDE_SECONDS : lifetime
}

/** Keeps an unpacked entry in memory. `sentAt`: of the request that proved its tokens. */
export function keepCopy(runtime: FieldRuntime, { name, field }: Place, entry: Entry, sentAt: Instant): void {
  keepUnder(runtime, name, field, entry, sentAt)
}

/** The same under another name than that of its place. */
export function keepUnder(
  { memoryCache, ports }: FieldRuntime,
  name: string,
  field: AnyField,
  entry: Entry,
  sentAt: Instant,
): void {
  const lifetime = getLifetime(field, entry)
  const keepMs =
    lifetime === 'forever'
      ? Number.POSITIVE_INFINITY
      : lifetime * 1000 - (ports.clock.now() - entry.fetchedAt)
  memoryCache.put(name, entry, sentAt, keepMs)
}

/** For when Redis cannot be asked: what is fetched is for those who wait for it. Rejects as `fetchEntry` does. */
export async function fetchUnstored(
  runtime: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
): Promise<Fetched> {
  const fetched = await fetchEntry(runtime, field, reason)
  reportRefresh(runtime, field, reason, fetched, { why: 'redis-failed' })
  return fetched
}

export function reportRefresh(
  { ports }: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  { sourceMs, items, entry }: Fetched,
  { why }: Stored,
): void {
  if (why) ports.emit({ type: 'refresh.skipped', field: field.name, why })
  ports.emit({
    type: 'refresh.finished',
    field: field.name,
    reason,
    durationMs: sourceMs,
    bytes: new TextEncoder().encode(entry.body).byteLength,
    items,
    stored: why === undefined,
    ...(why && { why }),
  })
}
