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

interface StoreRequest {
  leaseMs: number
  /** Runs right before the write. Its reason keeps the entry from being written. */
  findObstacle(): NotStored | undefined
}

/**
 * A late write carries old tokens, so no reader is served it. Redis keeps the entry for `leaseMs` at least: if it ended
 * before the lease, readers could derive the same lease name, and wait for a fetch that is over.
 */
export async function storeEntry(
  slot: FieldSlot,
  entry: Entry,
  { leaseMs, findObstacle }: StoreRequest,
): Promise<StoreOutcome> {
  const lifetime = slot.lifetimeSeconds(entry)
  if (lifetime !== 'forever' && lifetime <= 0) return { why: 'expired' }
  const text = await encodeForField(slot.runtime, slot.config, entry)
  if (text === null) return { why: 'no-key' }
  return askStore<StoreOutcome>(slot.runtime, 'write', { why: 'redis-failed' }, async () => {
    const why = findObstacle()
    if (why) return { why }
    const seconds = lifetime === 'forever' ? lifetime : Math.max(lifetime, Math.ceil(leaseMs / 1000))
    await slot.store.write(slot.entry, text, seconds)
    return {}
  })
}

/** Rejects as `fetchEntry` does. */
export async function fetchUnstored(field: FieldContext, reason: RefreshReason): Promise<Fetched> {
  const fetched = await fetchEntry(field, { reason })
  reportRefresh(field, fetched, { reason, why: 'redis-failed' })
  return fetched
}

export function reportRefresh(
  { runtime: { ports }, config }: Pick<FieldContext, 'runtime' | 'config'>,
  { sourceMs, items, entry }: Fetched,
  { reason, why }: { reason: RefreshReason; why: NotStored | undefined },
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
