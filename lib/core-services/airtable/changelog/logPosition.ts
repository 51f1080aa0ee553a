/**
 * Finds a position in the log from before a read. Any such position is right, because reading a change twice does no
 * harm. A remembered one is therefore good enough.
 */

import { processState } from '../../../shared/processState'
import { isRedisFailure } from '../../cache/errors'
import { fieldRuntime } from '../../cache/processContext'
import { type AirtableTable, webhookSecrets } from '../airtableConfig'
import type { LogPosition } from '../records/table'
import { type HookRecord, hookStore, settledCursor } from './webhookStore'

const REMEMBERED_MS = 60_000

/** Null when no webhook watches the table, or Redis is down. */
export async function recentPosition({ baseId, tableId }: AirtableTable): Promise<LogPosition | null> {
  const ids = [...webhookSecrets().keys()]
  if (ids.length === 0) return null
  const record = (await recallRecords(baseId, ids)).find(({ scope }) => scope === null || scope === tableId)
  if (!record) return null
  return { hook: record.id, cursor: settledCursor(record, fieldRuntime().ports.clock.now()) }
}

interface Remembered {
  at: number
  records: Promise<HookRecord[]>
}

/**
 * Calls `forget` for an empty answer. A record may appear at any moment, and a value without a position never catches up.
 */
async function readNow(baseId: string, forget: () => void): Promise<HookRecord[]> {
  try {
    const records = await hookStore().read(baseId)
    if (records.length === 0) forget()
    return records
  } catch (error) {
    forget()
    if (isRedisFailure(error)) return []
    throw error
  }
}

function recallRecords(baseId: string, ids: readonly string[]): Promise<HookRecord[]> {
  const { clock } = fieldRuntime().ports
  const memory = processState('hooks', () => new Map<string, Remembered>())
  const name = [baseId, ...ids].join(' ')
  const known = memory.get(name)
  const now = clock.monotonic()
  if (known && now - known.at < REMEMBERED_MS) return known.records
  const records = readNow(baseId, () => memory.delete(name))
  memory.set(name, { at: now, records })
  return records
}
