/** What all instances know of this app's webhooks: those with a secret in AIRTABLE_WEBHOOK_SECRETS. */

import type { CronRuntime } from '../../cache/fields/fieldRuntime'
import { fieldRuntime } from '../../cache/processContext'
import { webhookSecrets } from '../airtableConfig'
import { DELTA_LIMITS } from './syncLimits'

export interface HookRecord {
  /** ach… */
  id: string
  /** app… */
  baseId: string
  /** The table (tbl…) or view (viw…) that it watches; null for the whole base. */
  scope: string | null
  /** A recent position of `cursorForNextPayload`: every payload before it was there when this was written. */
  cursor: number
  /** When that was, in ms since 1970. */
  at: number
  /** A position from so long before that reads show all that happened until then. */
  settled: number
  /** What is made of the base has followed every payload before it. */
  followed: number
}

/** The record of a webhook whose log was seen to end at `cursor`; `before` is what was known of it. */
export function buildRecord(
  seen: Pick<HookRecord, 'id' | 'baseId' | 'scope' | 'cursor'>,
  now: number,
  before?: HookRecord,
): HookRecord {
  // Nobody knows what was followed of a log that is seen for the first time, so all of it has to be.
  if (!before) return { ...seen, at: now, settled: FIRST_CURSOR, followed: FIRST_CURSOR }
  const cursor = Math.max(seen.cursor, before.cursor)
  return { ...seen, cursor, at: now, settled: settledCursor(before, now), followed: before.followed }
}

/** A position for whoever reads now: Airtable's reads may not show yet what comes after it. */
export const settledCursor = ({ cursor, at, settled }: HookRecord, now: number): number =>
  now - at >= DELTA_LIMITS.lagMs ? cursor : settled

const FIRST_CURSOR = 1

export interface HookStore {
  /** Those of a base that are known, in one billed command. Rejects with a REDIS_ error. */
  read(baseId: string): Promise<HookRecord[]>
  /** Replaces what is known of one. Rejects with a REDIS_ error. */
  save(record: HookRecord): Promise<void>
}

const KIND = 'webhook'
/** Longer than a webhook lives that nobody tends, in s. */
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
