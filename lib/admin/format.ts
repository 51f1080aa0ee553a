/** Numbers and states in plain words. Pure, so that server and browser render the same text. */
import type { AllRow, FieldRow, RowStatus, RunRow } from './fieldRow'

const DAY = 86_400
const HOUR = 3_600
const MINUTE = 60

/** A length of time in its two greatest units: "3 h 12 min". */
export function duration(seconds: number): string {
  if (seconds < MINUTE) return `${Math.max(0, Math.floor(seconds))} s`
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`
  const [unit, name, less, lessName] =
    seconds < 2 * DAY ? ([HOUR, 'h', MINUTE, 'min'] as const) : ([DAY, 'days', HOUR, 'h'] as const)
  const rest = Math.floor((seconds % unit) / less)
  return `${Math.floor(seconds / unit)} ${name}${rest > 0 ? ` ${rest} ${lessName}` : ''}`
}

export function ago(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1000)
  return seconds < 5 ? 'just now' : `${duration(seconds)} ago`
}

export function milliseconds(value: number): string {
  if (value < 10) return `${Math.round(value * 10) / 10} ms`
  return value < 1_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`
  return count < 1_000_000 ? `${rounded(count / 1_000)} kB` : `${rounded(count / 1_000_000)} MB`
}

/** With a thin space between thousands, which reads alike in every language. */
export function whole(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

export function percent(share: number): string {
  // Rounding must not turn "nearly always" into "always".
  const value = share < 1 && share > 0.999 ? 99.9 : Math.round(share * 1_000) / 10
  return `${value} %`
}

export function dollars(amount: number): string {
  return amount > 0 && amount < 0.01 ? 'under $0.01' : `$${amount.toFixed(2)}`
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(1) : Math.round(value).toString()
}

export const STATUS_LABELS: Record<RowStatus, string> = {
  fresh: 'Fresh',
  stale: 'Stale',
  expired: 'Expired',
  'never-fetched': 'Never fetched',
  failing: 'Failing',
  refreshing: 'Refreshing',
  unknown: 'Unknown',
}

/** What a reader of the field gets at the moment. */
export function describeReaders({ condition, cooling }: FieldRow): string {
  switch (condition) {
    case 'fresh':
      return 'Readers get this value at once.'
    case 'stale':
      return 'Readers still get this value at once; the next read starts its renewal.'
    case 'degraded':
      return cooling === null
        ? 'The next reader waits for a new value, and gets this one if the source fails.'
        : 'The source fails, so readers get this older value.'
    case 'invalidated':
      return 'It was invalidated: the next reader waits for a new value.'
    case 'unreadable':
      return 'Another release of the app wrote it: this release fetches its own at the next read.'
    case null:
      return 'Redis does not answer, so the state is unknown. Readers get values straight from the source.'
    default:
      return 'Nothing is stored: the next reader waits for a new value.'
  }
}

/** How old the value is, and for how long that is fine. */
export function describeAge({ age, ttl, freshFor }: FieldRow): string {
  if (age === null) return 'No value'
  const old = `${duration(age)} old`
  if (ttl === null || freshFor === null) return `${old}, and never too old`
  // Age and remaining time were both rounded down.
  const inAll = Math.abs(age + freshFor - ttl) <= 1 ? ttl : age + freshFor
  return freshFor >= 0
    ? `${old}, fresh for another ${duration(freshFor)} of ${duration(inAll)}`
    : `${old}, past its time for ${duration(-freshFor)}`
}

/** The outcome of a refresh by hand; `name` is that of the field. */
export function describeOutcome(name: string, run: RunRow, failure: FieldRow['lastFailure']): string {
  switch (run.state) {
    case 'running':
      return `${name} is being refreshed.`
    case 'refreshed':
      return `${name} was refreshed${run.durationMs === null ? '' : ` in ${milliseconds(run.durationMs)}`}${
        run.items === null ? '' : `: ${whole(run.items)} records`
      }.`
    case 'cut-off':
      return `The refresh of ${name} was cut off before it was done. Try it again.`
    default:
      return `${name} could not be refreshed. ${failure ? describeFailure(failure.code) : ''}`.trim()
  }
}

const FAILURES: Record<string, string> = {
  SOURCE_UNFINISHED:
    'The source takes more than one refresh to read. The next refresh goes on where this one stopped.',
  SOURCE_TIMEOUT: 'The source did not answer in time.',
  SOURCE_INVALID: 'The source answered with data that the schema of the field does not accept.',
  SOURCE_FAILED: 'The source answered with an error, or not at all.',
  FORCE_CONTENDED:
    'Newer values were stored again and again while it was refreshed; the newest one was kept.',
  CACHE_UNAVAILABLE: 'A new value was fetched, but Redis did not store it.',
  REDIS_FULL: 'Redis is full and takes no new values.',
  REDIS_READ_ONLY: 'Redis is a read-only copy and takes no new values.',
  REDIS_CANNOT_PERSIST: 'Redis cannot save its data and takes no new values.',
  REDIS_LOADING: 'Redis is still loading its data. It answers when that is done.',
  REDIS_QUOTA: 'The plan of Redis allows no more commands.',
  FIELD_INVALID: 'The configuration of the field is not valid.',
  AIRTABLE_UNAUTHORIZED: 'Airtable does not accept our key: check AIRTABLE_API_KEY.',
  AIRTABLE_FORBIDDEN: 'Our key has no permission to read this in Airtable.',
  AIRTABLE_NOT_FOUND: 'Airtable does not know this base or table.',
  AIRTABLE_TABLE_UNKNOWN: 'The table is no longer there in Airtable, or has another name.',
  AIRTABLE_VIEW_UNKNOWN: 'The view is no longer there in Airtable, or has another name.',
  AIRTABLE_FIELD_UNKNOWN: 'A column is no longer there in Airtable, or has another name.',
  AIRTABLE_REFUSED: 'Airtable refused the request.',
  AIRTABLE_ITERATOR_LOST: 'Airtable forgot how far the list had been read. The next refresh starts again.',
  AIRTABLE_RATE_LIMITED:
    'Airtable received too many requests. It is not asked again until its pause is over.',
  AIRTABLE_QUOTA_EXHAUSTED: 'The monthly allowance of Airtable requests is used up.',
  AIRTABLE_UNAVAILABLE: 'Airtable failed, or could not be reached.',
  AIRTABLE_TIMEOUT: 'Airtable did not answer in time.',
  AIRTABLE_BAD_REPLY: 'Something other than Airtable answered.',
  AIRTABLE_QUERY_INVALID: 'The query for Airtable is not valid.',
  AIRTABLE_NOT_INITIALIZED: 'The connection to Airtable is not set up.',
  AIRTABLE_WEBHOOKS_FULL: 'Airtable takes no more webhooks for this base.',
  AIRTABLE_WEBHOOK_UNKNOWN: 'Airtable no longer knows the webhook.',
  AIRTABLE_VIEW_EMPTIED:
    'The view in Airtable has become empty. The previous records are kept; if it is meant to be empty, refresh it here.',
  AIRTABLE_RECORDS_UNREADABLE: 'Most records from Airtable cannot be read. A column was probably changed.',
  AIRTABLE_CELL_UNEXPECTED: 'A column in Airtable holds another type of value than before.',
  AIRTABLE_ITEM_FOREIGN:
    'The configuration of the field is not valid: its items have other ids than their records.',
  AIRTABLE_HALF_READ: 'It is being read in several refreshes, and not complete yet.',
  AIRTABLE_TOO_LARGE: 'Airtable sent far more than a list of this kind can be.',
}

/** Why it failed, in words for people who do not know the error codes. */
export function describeFailure(code: string): string {
  return (
    FAILURES[code] ??
    (code.startsWith('REDIS_')
      ? 'Redis could not be reached.'
      : 'Something unexpected failed. The log has the details.')
  )
}

/** Records of the source with flaws: how many, what was made of them, and which. */
export function describeFlaws({ unreadable, errors, ids }: NonNullable<FieldRow['flaws']>): string {
  const what = [
    ...(unreadable === 1 ? ['1 record cannot be read: it stays as it was, or is left out'] : []),
    ...(unreadable > 1
      ? [`${whole(unreadable)} records cannot be read: they stay as they were, or are left out`]
      : []),
    ...(errors === 1 ? ['1 cell holds an error of a formula: it counts as empty'] : []),
    ...(errors > 1 ? [`${whole(errors)} cells hold an error of a formula: they count as empty`] : []),
  ].join('; ')
  return `${what}${ids.length === 0 ? '' : ` (${ids.join(', ')})`}.`
}

/** The progress of a refresh of all fields, or its outcome. */
export function describeRefreshAll({ state, done, total, current, outcomes }: AllRow): string {
  if (state === 'running') {
    return `${done} of ${total} done${current === null ? '' : `; ${current} is being refreshed`}.`
  }
  const names = (...wanted: string[]) =>
    Object.entries(outcomes).flatMap(([name, outcome]) => (wanted.includes(outcome) ? [name] : []))
  const refreshed = names('refreshed').length
  const failed = names('failed', 'unstored')
  const missed = names('left').length + total - done
  return [
    refreshed === total
      ? `${nameAllWere(total)} refreshed.`
      : `${refreshed} of ${total} fields were refreshed.`,
    ...(failed.length > 0 ? [`Failed: ${failed.join(', ')}.`] : []),
    ...(names('busy').length > 0 ? [`Being refreshed already: ${names('busy').join(', ')}.`] : []),
    ...(missed > 0 ? [`${missed} were not refreshed for lack of time: refresh all again.`] : []),
  ].join(' ')
}

/** The whole page in one sentence. */
export function summarizeFields(fields: readonly FieldRow[]): string {
  const names = (...wanted: RowStatus[]) =>
    fields.flatMap(({ name, status }) => (wanted.includes(status) ? [name] : []))
  const failing = names('failing')
  if (failing.length > 0) return `${list(failing)} could not be renewed.`
  if (names('unknown').length > 0) return 'Redis does not answer, so the age of the values is unknown.'
  const old = names('stale', 'expired', 'never-fetched')
  if (old.length > 0) return `${list(old)} will be renewed at the next read.`
  const busy = names('refreshing')
  if (busy.length > 0) return `${list(busy)} ${busy.length === 1 ? 'is' : 'are'} being renewed.`
  return fields.length === 1 ? 'The one field is fresh.' : `${nameAll(fields.length)} are fresh.`
}

function nameAll(count: number): string {
  return count === 2 ? 'Both fields' : `All ${count} fields`
}

function nameAllWere(count: number): string {
  return count === 1 ? 'The one field was' : `${nameAll(count)} were`
}

function list(names: readonly string[]): string {
  const [last = '', ...others] = [...names].reverse()
  return others.length === 0 ? last : `${others.reverse().join(', ')} and ${last}`
}
