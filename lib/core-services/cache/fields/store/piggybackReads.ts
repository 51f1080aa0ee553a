/** Records that join reads which are sent anyway: they cost no command, and every process that reads fields gets them. */

import type { Clock } from '../../../../shared/clock'
import type { ClaimableRecords } from '../../coordination/records'
import { decodeValue } from '../../redis/json'
import type { FieldStore } from './fieldStore'

export interface PiggybackRead {
  kind: string
  /** Of the records; an empty list joins nothing. */
  names(): readonly string[]
  /** Gets the records in the order of the names, null for missing ones. Never throws. */
  receive(records: readonly unknown[]): void
}

export interface PiggybackReads {
  all: PiggybackRead[]
  /** Monotonic clock, ms. */
  lastJoinedAt: number
}

/** In ms: a busy process would pay for the bytes of the records with each read. */
const INTERVAL_MS = 1_000

export const createPiggybackReads = (): PiggybackReads => ({
  all: [],
  lastJoinedAt: Number.NEGATIVE_INFINITY,
})

export function withPiggybackReads(
  store: FieldStore,
  records: Pick<ClaimableRecords, 'physicalName'>,
  piggybackReads: PiggybackReads,
  { monotonic }: Pick<Clock, 'monotonic'>,
): FieldStore {
  return {
    ...store,
    async read(names) {
      const isTooEarly = monotonic() - piggybackReads.lastJoinedAt < INTERVAL_MS
      if (piggybackReads.all.length === 0 || isTooEarly) return store.read(names)
      piggybackReads.lastJoinedAt = monotonic()
      const joined = piggybackReads.all.map((piggyback) => ({
        piggyback,
        names: piggyback.names().map((name) => records.physicalName(piggyback.kind, name)),
      }))
      const snapshot = await store.read([...names, ...joined.flatMap((one) => one.names)])
      for (const one of joined) {
        if (one.names.length > 0)
          one.piggyback.receive(one.names.map((name) => decodeRecord(snapshot.get(name))))
      }
      return snapshot
    },
  }
}

/** A text that is not a record counts as missing. */
function decodeRecord(text: string | null): unknown {
  try {
    return text === null ? null : decodeValue(text)
  } catch {
    return null
  }
}
