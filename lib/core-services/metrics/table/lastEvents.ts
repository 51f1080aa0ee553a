/** Events that are not added up: the details of the latest one are kept, one row each. */
import type { RefreshReason } from '../../../shared/events'
import { getLast, keepLast } from '../counts'
import type { From, Row } from '../kinds/row'
import { toCronOutcome } from './metrics'

/** How a detail is stored. `decode` gets its text and those that follow. */
interface Detail<T> {
  encode(value: T): readonly (string | number)[]
  decode(texts: readonly string[]): T
}

const MAX_IDS = 5

const text = <T extends string>(): Detail<T> => ({
  encode: (value) => [value],
  decode: ([value = 'UNKNOWN']) => value as T,
})
const whole: Detail<number> = {
  encode: (value) => [Math.round(value)],
  decode: ([value = 0]) => Number(value),
}
const wholeOrNull: Detail<number | null> = {
  encode: (value) => [value ?? ''],
  decode: ([value]) => (value === '' ? null : Number(value)),
}
const isStored: Detail<boolean> = {
  encode: (value) => [value ? 'stored' : 'unstored'],
  decode: ([value]) => value === 'stored',
}
const ids: Detail<readonly string[]> = {
  encode: (value) => value.slice(0, MAX_IDS),
  decode: (value) => value,
}

type Details = Readonly<Record<string, Detail<unknown>>>
type Decoded<D extends Details> = { [Key in keyof D]: D[Key] extends Detail<infer T> ? T : never }

interface LastEvent<D extends Details> {
  stored: string
  /** Other releases read the same texts: the order never changes, and new details come last. */
  details: D
  from: From<Decoded<D>>
}

function lastEvent<D extends Details>(row: LastEvent<D>): Row<(Decoded<D> & { at: number }) | null> {
  const details = Object.entries(row.details)
  return {
    ...row,
    record(counts, name, event: Decoded<D>, at) {
      const texts = details.flatMap(([key, { encode }]) => encode(event[key]))
      keepLast(counts, name, at, texts)
    },
    read(counts, name) {
      const [at, ...texts] = getLast(counts, name) ?? []
      if (at === undefined) return null
      const decoded = details.map(([key, { decode }], index) => [key, decode(texts.slice(index))] as const)
      return { at, ...(Object.fromEntries(decoded) as Decoded<D>) }
    },
  }
}

export const FIELD_LAST = {
  lastSuccess: lastEvent({
    stored: 'success',
    details: {
      reason: text<RefreshReason>(),
      durationMs: whole,
      bytes: whole,
      items: wholeOrNull,
      stored: isStored,
    },
    from: { 'refresh.finished': (event) => event },
  }),
  /** `code`: of the error, or of its cause, such as AIRTABLE_TIMEOUT. */
  lastFailure: lastEvent({
    stored: 'failure',
    details: { reason: text<RefreshReason>(), durationMs: whole, code: text() },
    from: { 'refresh.failed': ({ cause, code, ...event }) => ({ ...event, code: cause ?? code }) },
  }),
  /** How many records could not be read, and how many cells hold an error of a formula. */
  lastFlaws: lastEvent({
    stored: 'flawed',
    details: { unreadable: whole, errors: whole, ids },
    from: { 'source.flawed': (event) => event },
  }),
}

export const SYSTEM_LAST = {
  /** The last run that was not skipped. `unfinished`: fields whose refresh goes on in the next run. */
  lastCronRun: lastEvent({
    stored: 'cron',
    details: {
      outcome: text<'ok' | 'failed'>(),
      durationMs: whole,
      refreshed: whole,
      fresh: whole,
      skipped: whole,
      failed: whole,
      unfinished: whole,
    },
    from: {
      'cron.finished'(run) {
        const outcome = toCronOutcome(run)
        return outcome === 'skipped' ? null : { ...run, outcome }
      },
    },
  }),
}
