/** Events that are not added up: the details of the latest one are kept, one row each. */
import type { RefreshReason } from '../../../shared/events'
import { getLast, keepLast } from '../counts'
import type { From, Row } from '../kinds/row'
import { toCronOutcome } from './metrics'

type Texts = readonly string[]
/** Reads a detail from its text, which is followed by those of the details after it. */
type Detail = (texts: Texts) => string | number | boolean | null | Texts

function text<T extends string>() {
  return ([value = 'UNKNOWN']: Texts) => value as T
}
const whole = ([value = '0']: Texts) => Number(value)
const wholeOrNull = ([value]: Texts) => (value === '' ? null : Number(value))
const isStored = ([value]: Texts) => value === 'stored'
const ids = (values: Texts) => values

const MAX_IDS = 5

function encode(value: ReturnType<Detail>): readonly (string | number)[] {
  if (value === null) return ['']
  if (typeof value === 'number') return [Math.round(value)]
  if (typeof value === 'boolean') return [value ? 'stored' : 'unstored']
  return typeof value === 'string' ? [value] : value.slice(0, MAX_IDS)
}

type Details = Readonly<Record<string, Detail>>
type Decoded<D extends Details> = { [Key in keyof D]: ReturnType<D[Key]> }

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
    record(counts, name, event: Decoded<Details>, at) {
      const texts = details.flatMap(([key]) => encode(event[key] ?? null))
      keepLast(counts, name, at, texts)
    },
    read(counts, name) {
      const [at, ...texts] = getLast(counts, name) ?? []
      if (at === undefined) return null
      const decoded = details.map(([key, decode], index) => [key, decode(texts.slice(index))] as const)
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
