import type { NotStored, RefreshReason } from '../../../../shared/events'
import type { Entry } from '../../entry/entry'
import type { FieldContext } from '../fieldContext'
import { askStore } from '../fieldRuntime'
import type { FieldSlot } from '../fieldSlot'
import { encodeForField } from '../store/entryText'
import { type Fetched, fetchEntry } from './fetchEntry'

export interface StoreOutcome {
  why?: NotStored
}

/**
 * A late write carries old tokens, so no reader is served it. Redis keeps the entry for `leaseMs` at least: if it ended
 * before the lease, readers would derive the same lease name, and wait for a fetch that is over.
 */
export async function storeEntry(
  slot: FieldSlot,
  entry: Entry,
  leaseMs: number,
  obstacle: () => NotStored | undefined,
): Promise<StoreOutcome> {
  const lifetime = slot.keptSeconds(entry)
  if (lifetime !== 'forever' && lifetime <= 0) return { why: 'expired' }
  const text = await encodeForField(slot.runtime, slot.config, entry)
  if (text === null) return { why: 'no-key' }
  return askStore<StoreOutcome>(slot.runtime, 'write', { why: 'redis-failed' }, async () => {
    const why = obstacle()
    if (why) return { why }
    const seconds = lifetime === 'forever' ? lifetime : Math.max(lifetime, Math.ceil(leaseMs / 1000))
    await slot.store.write(slot.entry, text, seconds)
    return {}
  })
}

/** Rejects as `fetchEntry` does. */
export async function fetchUnstored(field: FieldContext, reason: RefreshReason): Promise<Fetched> {
  const fetched = await fetchEntry(field, { reason })
  reportRefresh(field, reason, fetched, { why: 'redis-failed' })
  return fetched
}

export function reportRefresh(
  { runtime: { ports }, config }: Pick<FieldContext, 'runtime' | 'config'>,
  reason: RefreshReason,
  { sourceMs, items, entry }: Fetched,
  { why }: StoreOutcome,
): void {
  if (why) ports.emit({ type: 'refresh.skipped', field: config.name, why })
  ports.emit({
    type: 'refresh.finished',
    field: config.name,
    reason,
    durationMs: sourceMs,
    bytes: new TextEncoder().encode(entry.body).byteLength,
    items,
    stored: why === undefined,
    ...(why && { why }),
  })
}
