/**
 * Notes that travel along with reads that are sent anyway: they cost no command of their own, and every process that reads
 * at all gets to see them.
 */

import type { Clock } from '../../../../shared/clock'
import type { ClaimableRecords } from '../../coordination/records'
import { decodeValue } from '../../redis/json'
import type { FieldStore } from './fieldStore'

export interface Companion {
  kind: string
  /** Of the notes. None: nothing travels along. */
  names(): readonly string[]
  /** Told of the notes in the order of the names, null where nothing stands. It never throws. */
  seen(notes: readonly unknown[]): void
}

export interface Companions {
  all: Companion[]
  /** When some of them have travelled last, by the monotonic clock in ms. */
  askedAt: number
}

/** They travel no more often than this in a process, in ms: a busy one would pay for their bytes with each read. */
const EVERY_MS = 1_000

export const createCompanions = (): Companions => ({ all: [], askedAt: Number.NEGATIVE_INFINITY })

export function withCompanions(
  store: FieldStore,
  notes: Pick<ClaimableRecords, 'physicalName'>,
  companions: Companions,
  { monotonic }: Pick<Clock, 'monotonic'>,
): FieldStore {
  return {
    ...store,
    async read(names) {
      if (companions.all.length === 0 || monotonic() - companions.askedAt < EVERY_MS) return store.read(names)
      companions.askedAt = monotonic()
      const asked = companions.all.map(({ kind, names: of, seen }) => ({
        seen,
        names: of().map((name) => notes.physicalName(kind, name)),
      }))
      const snapshot = await store.read([...names, ...asked.flatMap((one) => one.names)])
      for (const one of asked) {
        if (one.names.length > 0) one.seen(one.names.map((name) => decoded(snapshot.get(name))))
      }
      return snapshot
    },
  }
}

/** What is no note counts as none. */
function decoded(text: string | null): unknown {
  try {
    return text === null ? null : decodeValue(text)
  } catch {
    return null
  }
}
