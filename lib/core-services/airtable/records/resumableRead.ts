/**
 * Reads a view within the time of one refresh, or as much of it as that time allows: Airtable gives 100 records a page
 * and 5 pages a second, so that larger views take several refreshes. What was read so far is kept for the next one.
 */
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
  /** When the first page was asked for, or shortly before it, in ms since 1970. */
  startedAt: number
  /** From where changes may be missing: as it was before the first page. */
  position: LogPosition | null
}

interface Progress extends PagesSoFar, Omit<ReadView, 'records'> {
  /** Tells what was asked for: another release may ask for something else. */
  query: string
}

/** For storing what was read, in ms; of a short deadline no more than a fifth. */
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
  const usable = earlier !== null && hasWhatIsAnnounced(context, earlier.position, position)
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

/** A stale value is served meanwhile, or nobody has asked. */
const isBackground = ({ reason }: FetchContext): boolean => ['stale', 'cron', 'change'].includes(reason)

/** The time that the pages of this refresh may take: a page can take twice as long as the slowest one, and is stored. */
function trackTime({ remainingMs }: FetchContext) {
  let before = remainingMs()
  const storingMs = Math.min(STORING_MS, before * STORING_SHARE)
  let slowestMs = 0
  return {
    pageBegins() {
      before = remainingMs()
    },
    /** To be asked when a page has ended and before the next one begins. */
    isUp() {
      const now = remainingMs()
      slowestMs = Math.max(slowestMs, before - now)
      before = now
      return now < 2 * slowestMs + storingMs
    },
    up: AbortSignal.timeout(Math.floor(before - storingMs)),
  }
}

/**
 * A refresh for an announced change goes on with what was read before it only if the value then tells that it is behind,
 * and behind in which log.
 */
function hasWhatIsAnnounced(
  { reason }: FetchContext,
  first: LogPosition | null,
  now: LogPosition | null,
): boolean {
  return reason !== 'change' || (first !== null && first.hook === now?.hook)
}

/** Null for what was asked for otherwise, or is of another release. */
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
