/** The records of this app's webhooks, shared by all instances. */

import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { DELTA_LIMITS } from './syncLimits'

/** Stored as it is: its field names are a stored format. */
export interface HookRecord {
  /** ach… */
  id: string
  /** app… */
  baseId: string
  /** The table (tbl…) or view (viw…) that it watches; null for the whole base. */
  scope: string | null
  /** A recent `cursorForNextPayload`: every payload before it existed when this was written. */
  cursor: number
  /** When `cursor` was written, in ms since 1970. */
  at: number
  /** An older position, up to which reads of Airtable surely show all changes. */
  settled: number
  /** Up to here, derived values were invalidated for every payload. */
  followed: number
}

/** The record of a webhook whose log ends at `cursor`. `before`: the stored record. */
export function buildRecord(
  listed: Pick<HookRecord, 'id' | 'baseId' | 'scope' | 'cursor'>,
  now: number,
  before?: HookRecord,
): HookRecord {
  // For a log that is new here, all of its payloads have to be synced.
  if (!before) return { ...listed, at: now, settled: FIRST_CURSOR, followed: FIRST_CURSOR }
  const cursor = Math.max(listed.cursor, before.cursor)
  return { ...listed, cursor, at: now, settled: settledCursor(before, now), followed: before.followed }
}

/** The position for a read that begins now. Airtable may not show changes after it yet. */
export const settledCursor = ({ cursor, at, settled }: HookRecord, now: number): number =>
  now - at >= DELTA_LIMITS.lagMs ? cursor : settled

const FIRST_CURSOR = 1

export interface HookStore {
  /** The records of a base. One billed command. Rejects with a REDIS_ error. */
  read(baseId: string): Promise<HookRecord[]>
  /** Replaces a record. Rejects with a REDIS_ error. */
  save(record: HookRecord): Promise<void>
}

const KIND = 'webhook'
/** Longer than a webhook lives without maintenance, in s. */
const KEPT_SECONDS = 30 * 86_400

export function hookStore(
  runtime: Pick<CronRuntime, 'sharedRecords'> = fieldRuntime(),
  ids: () => Iterable<string> = () => webhookSecrets().keys(),
): HookStore {
  return {
    async read(baseId) {
      const records = await (await runtime.sharedRecords()).read<HookRecord>(KIND, [...ids()])
      return records.filter((record) => record !== null).filter((record) => record.baseId === baseId)
    },
    async save(record) {
      await (await runtime.sharedRecords()).write(KIND, record.id, record, KEPT_SECONDS)
    },
  }
}
