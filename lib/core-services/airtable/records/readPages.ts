/** Reads a list page by page. */
import { hasCode } from '../../../shared/errors'
import { airtableBadReply, type Target } from '../client/airtableErrors'
import { canPass, MAX_RESTARTS } from '../client/retryPolicy'
import type { AirtableRecord, Page } from './page'

/** Requests the page at an offset, or the first page. `first`: whether it is the first page of this read. */
export type FetchPage = (offset: string | undefined, first: boolean) => Promise<Page>

/** A list that is not read to its end. */
export interface PagesSoFar {
  records: AirtableRecord[]
  /** How many pages were read. */
  pages: number
  /** Where the next page begins. */
  offset: string
}

/** Options of a read that may stop between two pages. It always reads one, so that each read makes progress. */
export interface Part {
  /** Where an earlier read has stopped; null to start from the first page. */
  from: PagesSoFar | null
  /** Called after each page. */
  isTimeUp(): boolean
  /** Aborted when the time is up in the middle of a page. */
  timeUp: AbortSignal
  /** Called when the pages so far are useless and the read starts over. */
  startOver(): void
}

export interface Pages {
  records: AirtableRecord[]
  /** Where to go on; null when the list is complete. */
  rest: Omit<PagesSoFar, 'records'> | null
  /** The passing error that has stopped the read; absent when its time was up. */
  because?: unknown
}

/**
 * Reads all records, each once, in the order of their first appearance; with `part` perhaps only the first pages. A list that
 * Airtable loses between two pages is read again from its first page.
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
      // If Airtable refuses the offset of an earlier read, that list is lost, too.
      const stranded = from !== null && read === 0 && hasCode(error, 'AIRTABLE_REFUSED')
      const lost = stranded || hasCode(error, 'AIRTABLE_ITERATOR_LOST')
      if (restarts >= MAX_RESTARTS || !lost) throw error
      part?.startOver()
      from = null
    }
  }
}

interface List {
  /** By id. A record that moves during the read can be on two pages: the later one is newer. */
  records: Map<string, AirtableRecord>
  pages: number
  /** How many of the pages this read has fetched. */
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
