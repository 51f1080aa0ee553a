import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { DELTA_LIMITS } from './syncLimits'

/** The field names are a stored format. */
export interface HookRecord {
  id: string
  baseId: string
  /** The table (tbl…) or view (viw…) that it watches; null for the whole base. */
  scope: string | null
  /** A recent `cursorForNextPayload`. Every payload before it existed when this was written. */
  cursor: number
  /** When `cursor` was written, in ms since 1970. */
  at: number
  /** An older position, up to which reads of Airtable show all changes. */
  settled: number
  /** Up to this position derived values were invalidated. */
  followed: number
}

/** `listed`: the webhook, whose log ends at `cursor`. */
export function buildRecord(
  listed: Pick<HookRecord, 'id' | 'baseId' | 'scope' | 'cursor'>,
  now: number,
  before?: HookRecord,
): HookRecord {
  // All payloads of a new log have to be synced.
  if (!before) return { ...listed, at: now, settled: FIRST_CURSOR, followed: FIRST_CURSOR }
  const cursor = Math.max(listed.cursor, before.cursor)
  return { ...listed, cursor, at: now, settled: settledCursor(before, now), followed: before.followed }
}

/** The position for a read that begins now. Airtable may not yet show changes after it. */
export const settledCursor = ({ cursor, at, settled }: HookRecord, now: number): number =>
  now - at >= DELTA_LIMITS.lagMs ? cursor : settled

const FIRST_CURSOR = 1

export interface HookStore {
  /** Costs one billed command. Rejects with a REDIS_ error. */
  read(baseId: string): Promise<HookRecord[]>
  /** Rejects with a REDIS_ error. */
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
