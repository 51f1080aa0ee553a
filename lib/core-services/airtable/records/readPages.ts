import { hasCode } from '../../../shared/errors'
import { airtableBadReply, type Target } from '../client/airtableErrors'
import { canPass, MAX_RESTARTS } from '../client/retryPolicy'
import type { AirtableRecord, Page } from './page'

/** `offset`: undefined for the first page of the list. `first`: whether it is the first page of this read. */
export type FetchPage = (offset: string | undefined, first: boolean) => Promise<Page>

export interface PagesSoFar {
  records: AirtableRecord[]
  pages: number
  offset: string
}

/** May stop between two pages. Always reads one page, so that each read makes progress. */
export interface Part {
  /** Where an earlier read has stopped; null for the first page. */
  from: PagesSoFar | null
  isTimeUp(): boolean
  timeUp: AbortSignal
  /** Called when the read drops the pages so far and starts over. */
  startOver(): void
}

export interface Pages {
  records: AirtableRecord[]
  /** Null when the list is complete. */
  rest: Omit<PagesSoFar, 'records'> | null
  /** The passing error that stopped the read; absent when its time was up. */
  because?: unknown
}

/**
 * Reads each record once. With `part` it may stop early. If Airtable loses the list between two pages, it starts over.
 */
export async function readPages(
  fetchPage: FetchPage,
  target: Target,
  part: Part | null = null,
): Promise<Pages> {
  let from = part?.from ?? null
  for (let restarts = 0; ; restarts += 1) {
    const list = startList(from)
    try {
      return await readRest(fetchPage, target, list, part)
    } catch (error) {
      const { read, offset } = list
      if (part && read > 0 && offset !== undefined && (canPass(error) || part.timeUp.aborted)) {
        const because = canPass(error) ? { because: error } : {}
        return { records: [...list.records.values()], rest: { pages: list.pages, offset }, ...because }
      }
      // A refused offset of an earlier read also means that the list is lost.
      const stranded = from !== null && read === 0 && hasCode(error, 'AIRTABLE_REFUSED')
      const lost = stranded || hasCode(error, 'AIRTABLE_ITERATOR_LOST')
      if (restarts >= MAX_RESTARTS || !lost) throw error
      part?.startOver()
      from = null
    }
  }
}

interface List {
  /** By id. A record that moves during the read can be on two pages, of which the later one is newer. */
  records: Map<string, AirtableRecord>
  pages: number
  /** The pages that this read has fetched itself. */
  read: number
  offset: string | undefined
}

function startList(from: PagesSoFar | null): List {
  const records = new Map(from?.records.map((record) => [record.id, record]))
  return { records, pages: from?.pages ?? 0, read: 0, offset: from?.offset }
}

async function readRest(fetchPage: FetchPage, target: Target, list: List, part: Part | null): Promise<Pages> {
  const offsets = new Set<string>()
  for (;;) {
    const page = await fetchPage(list.offset, list.read === 0)
    for (const record of page.records) list.records.set(record.id, record)
    list.pages += 1
    list.read += 1
    list.offset = page.offset
    const { offset } = page
    if (offset === undefined) return { records: [...list.records.values()], rest: null }
    if (offsets.has(offset)) throw airtableBadReply(target, 'its pages repeat without an end')
    offsets.add(offset)
    if (part?.isTimeUp()) return { records: [...list.records.values()], rest: { pages: list.pages, offset } }
  }
}
