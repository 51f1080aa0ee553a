/** Reads a view in several refreshes. Airtable serves 100 records a page and 5 pages a second. */
import type { FetchContext } from '../../cache/fields/fieldConfig'
import { serviceRegistry } from '../../service-registry'
import type { AirtableRecord } from './page'
import type { PagesSoFar } from './readPages'
import type { LogPosition, TableSource } from './table'

export interface View {
  table: TableSource
  view?: string
  columns: readonly string[]
}

export interface ReadView {
  records: readonly AirtableRecord[]
  /** When the first page was requested, or shortly before, in ms since 1970. */
  startedAt: number
  position: LogPosition | null
}

interface Progress extends PagesSoFar, Omit<ReadView, 'records'> {
  /** Identifies the request. Another release may read something else. */
  query: string
}

/** Time reserved for storing the pages, in ms, at most a fifth of the deadline. */
const STORING_MS = 1_500
const STORING_SHARE = 0.2

/** Rejects with SOURCE_UNFINISHED when there is more to read, or as `fetchRecords` does. */
export async function readInParts(
  { table, view, columns }: View,
  context: FetchContext,
  position: LogPosition | null,
): Promise<ReadView> {
  const { baseId, tableId } = table.locate()
  const airtable = await serviceRegistry.getService('airtable')
  const query = JSON.stringify([baseId, tableId, view ?? null, columns])
  const begun = { query, startedAt: context.startedAt, position }
  const left = await context.resume()
  const earlier = left === null ? null : parseProgress(left, query)
  const usable = earlier !== null && maySync(context, earlier.position, position)
  if (left !== null && !usable) context.startOver()
  const time = trackTime(context)
  let reading: Pick<Progress, 'query' | 'startedAt' | 'position'> = usable ? earlier : begun
  const { records, rest, because } = await airtable.readPart(
    baseId,
    tableId,
    { view, fields: columns, signal: context.signal, background: isBackground(context) },
    {
      isTimeUp: time.isUp,
      timeUp: time.up,
      from: usable ? earlier : null,
      startOver() {
        context.startOver()
        time.pageBegins()
        reading = begun
      },
    },
  )
  if (rest === null) return { records, startedAt: reading.startedAt, position: reading.position }
  const { startedAt, position: since } = reading
  const progress: Progress = { query, startedAt, position: since, ...rest, records }
  return context.pause(JSON.stringify(progress), `${rest.pages} pages so far`, because)
}

const isBackground = ({ reason }: FetchContext): boolean => ['stale', 'cron', 'change'].includes(reason)

/** Leaves time for another page, which may take twice as long as the slowest so far, and for storing it. */
function trackTime({ remainingMs }: FetchContext) {
  let before = remainingMs()
  const storingMs = Math.min(STORING_MS, before * STORING_SHARE)
  let slowestMs = 0
  return {
    pageBegins() {
      before = remainingMs()
    },
    /** Call it between two pages. */
    isUp() {
      const now = remainingMs()
      slowestMs = Math.max(slowestMs, before - now)
      before = now
      return now < 2 * slowestMs + storingMs
    },
    up: AbortSignal.timeout(Math.floor(before - storingMs)),
  }
}

/** A sync may use pages from before its change only if the value gets a mark that shows it is behind. */
function maySync({ reason }: FetchContext, first: LogPosition | null, now: LogPosition | null): boolean {
  return reason !== 'change' || (first !== null && first.hook === now?.hook)
}

function parseProgress(text: string, query: string): Progress | null {
  try {
    const progress = Object(JSON.parse(text)) as Record<keyof Progress, unknown>
    return isProgress(progress) && progress.query === query ? progress : null
  } catch {
    return null
  }
}

function isProgress(
  progress: Record<keyof Progress, unknown>,
): progress is Record<keyof Progress, unknown> & Progress {
  const { startedAt, pages, offset, records, position } = progress
  return (
    typeof startedAt === 'number' &&
    typeof pages === 'number' &&
    typeof offset === 'string' &&
    Array.isArray(records) &&
    typeof position === 'object'
  )
}
