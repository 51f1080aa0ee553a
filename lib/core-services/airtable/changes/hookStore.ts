/** What all instances know of this app's webhooks: those with a secret in AIRTABLE_WEBHOOK_SECRETS. */
import { webhookSecrets } from '../../../config/airtableConfig'
import { type CronRuntime, fieldRuntime } from '../../cache/fieldRuntime'

export interface HookRecord {
  /** ach… */
  id: string
  /** app… */
  baseId: string
  /** The table (tbl…) or view (viw…) that it watches; null for the whole base. */
  scope: string | null
  /** A recent position of `cursorForNextPayload`: every payload before it was there when this was written. */
  cursor: number
}

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
  runtime: Pick<CronRuntime, 'notes'> = fieldRuntime(),
  ids: () => Iterable<string> = () => webhookSecrets().keys(),
): HookStore {
  return {
    async read(baseId) {
      const records = await (await runtime.notes()).read<HookRecord>(KIND, [...ids()])
      return records.filter((record) => record !== null).filter((record) => record.baseId === baseId)
    },
    async save(record) {
      await (await runtime.notes()).write(KIND, record.id, record, KEPT_SECONDS)
    },
  }
}
