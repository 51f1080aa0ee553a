/** Numbers and states in plain words. Pure: the server and the browser say the same. */
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

/** What somebody who opens the page gets just now. */
export function describeReaders({ condition, cooling }: FieldRow): string {
  switch (condition) {
    case 'fresh':
      return 'Readers get this value at once.'
    case 'stale':
      return 'Readers still get this value at once; the next one sets off its renewal.'
    case 'degraded':
      return cooling === null
        ? 'The next reader waits for a new value; this one stands in if the source fails.'
        : 'The source fails, so readers get this older value.'
    case 'invalidated':
      return 'It was declared out of date: the next reader waits for a new value.'
    case 'unreadable':
      return 'Another release of the app wrote it: this one fetches its own when a reader asks.'
    case null:
      return 'Redis does not answer, so nobody knows; readers get values straight from the source.'
    default:
      return 'Nothing is kept: the next reader waits for a new value.'
  }
}

/** How old the value is, and for how long that is fine. */
export function describeAge({ age, ttl, freshFor }: FieldRow): string {
  if (age === null) return 'No value'
  const old = `${duration(age)} old`
  if (ttl === null || freshFor === null) return `${old}, and never too old`
  // Both were rounded down.
  const inAll = Math.abs(age + freshFor - ttl) <= 1 ? ttl : age + freshFor
  return freshFor >= 0
    ? `${old}, fresh for another ${duration(freshFor)} of ${duration(inAll)}`
    : `${old}, past its time for ${duration(-freshFor)}`
}

/** What came of a refresh that was begun by hand; `name` is the field's. */
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
  SOURCE_UNFINISHED: 'The source takes more than one refresh to read. The next one goes on where it stopped.',
  SOURCE_TIMEOUT: 'The source did not answer in time.',
  SOURCE_INVALID: 'The source answered with something that does not look like the data that is expected.',
  SOURCE_FAILED: 'The source answered with an error, or not at all.',
  FORCE_CONTENDED: 'Others changed it all the while; what is kept now is newer than this attempt.',
  CACHE_UNAVAILABLE: 'A new value was fetched, but Redis did not keep it.',
  REDIS_FULL: 'Redis is full and takes no new values.',
  REDIS_READ_ONLY: 'Redis is a read-only copy and takes no new values.',
  REDIS_CANNOT_PERSIST: 'Redis cannot save its data and takes no new values.',
  REDIS_LOADING: 'Redis is loading its data and answers nothing until then.',
  REDIS_QUOTA: 'The plan of Redis allows no more commands.',
  FIELD_INVALID: 'The field is not set up properly.',
  AIRTABLE_UNAUTHORIZED: 'Airtable does not accept our key.',
  AIRTABLE_FORBIDDEN: 'Our key may not read this in Airtable.',
  AIRTABLE_NOT_FOUND: 'Airtable does not know this base or table.',
  AIRTABLE_TABLE_UNKNOWN: 'The table is no longer there in Airtable, or has another name.',
  AIRTABLE_VIEW_UNKNOWN: 'The view is no longer there in Airtable, or has another name.',
  AIRTABLE_FIELD_UNKNOWN: 'A column is no longer there in Airtable, or has another name.',
  AIRTABLE_REFUSED: 'Airtable refused the question.',
  AIRTABLE_ITERATOR_LOST: 'Airtable lost its place in the list while it was read.',
  AIRTABLE_RATE_LIMITED: 'Airtable was asked too often and wants to be left alone for a while.',
  AIRTABLE_QUOTA_EXHAUSTED: 'The monthly allowance of Airtable requests is used up.',
  AIRTABLE_UNAVAILABLE: 'Airtable had trouble of its own, or could not be reached.',
  AIRTABLE_TIMEOUT: 'Airtable did not answer in time.',
  AIRTABLE_BAD_REPLY: 'Something other than Airtable answered.',
  AIRTABLE_QUERY_INVALID: 'The question to Airtable is not put properly.',
  AIRTABLE_NOT_INITIALIZED: 'The connection to Airtable is not set up.',
  AIRTABLE_WEBHOOKS_FULL: 'Airtable takes no more webhooks for this base.',
  AIRTABLE_WEBHOOK_UNKNOWN: 'Airtable no longer knows the webhook.',
  AIRTABLE_VIEW_EMPTIED:
    'The view in Airtable is empty, and was not before. What was there is kept; if it is meant to be empty, refresh it here.',
  AIRTABLE_RECORDS_UNREADABLE:
    'Most of what Airtable answered cannot be read. A column was probably changed.',
  AIRTABLE_CELL_UNEXPECTED: 'A column in Airtable holds something of another kind than before.',
  AIRTABLE_ITEM_FOREIGN: 'The field is not set up properly: its items have other ids than their records.',
  AIRTABLE_HALF_READ: 'It is just being read, in several refreshes.',
  AIRTABLE_TOO_LARGE: 'Airtable sent far more than a list of this kind can be.',
}

/** Why it failed, for somebody who has never seen the code. */
export function describeFailure(code: string): string {
  return (
    FAILURES[code] ??
    (code.startsWith('REDIS_') ? 'Redis could not be asked.' : 'Something unexpected failed.')
  )
}

/** Records that could not be taken as they are. */
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

/** How far the refresh of all fields is, or what came of it. */
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
    ...(missed > 0 ? [`${missed} were not begun for lack of time: do it again.`] : []),
  ].join(' ')
}

/** The whole page in one sentence. */
export function summarizeFields(fields: readonly FieldRow[]): string {
  const names = (...wanted: RowStatus[]) =>
    fields.flatMap(({ name, status }) => (wanted.includes(status) ? [name] : []))
  const failing = names('failing')
  if (failing.length > 0) return `${list(failing)} could not be renewed.`
  if (names('unknown').length > 0) return 'Redis does not answer, so nobody knows how old things are.'
  const old = names('stale', 'expired', 'never-fetched')
  if (old.length > 0) return `${list(old)} will be renewed when somebody asks.`
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
