/** Rows that are not added up: the details of the latest event are kept. */
import { getLast, keepLast } from '../counts'
import { type From, getContribution, type Row } from './row'

interface LastEventRow<T> {
  stored: string
  /** The details to keep; null: none, and the event before stays. Releases share the stored texts: their order never changes. */
  from: From<readonly (string | number)[] | null>
  /** `at`: when it happened, ms since 1970. */
  parse(at: number, ...details: readonly string[]): T
}

export function lastEvent<T>({ stored, from, parse }: LastEventRow<T>): Row<T | null> {
  return {
    stored,
    from,
    record(counts, name, event, at) {
      const details = getContribution(from, event)
      if (details) keepLast(counts, name, at, details)
    },
    read(counts, name) {
      const last = getLast(counts, name)
      return last && parse(...last)
    },
  }
}
