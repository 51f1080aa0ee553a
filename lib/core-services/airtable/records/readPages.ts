/** Puts a list together from its pages. */
import { hasCode } from '../../../shared/errors'
import { airtableBadReply, type Target } from '../client/airtableErrors'
import { canPass, MOST_RESTARTS } from '../client/retryPolicy'
import type { AirtableRecord, Page } from './page'

/** Asks for the page at an offset, or for the first one; `first`: of this read, whichever it is of the list. */
export type AskForPage = (offset: string | undefined, first: boolean) => Promise<Page>

/** A list of which pages are still to come. */
export interface PagesSoFar {
  records: AirtableRecord[]
  /** How many they were. */
  pages: number
  /** Where the next one begins. */
  offset: string
}

/** For a read that may stop between two pages. It reads one in any case, or it would never get any further. */
export interface Part {
  /** Where an earlier read has stopped. */
  from: PagesSoFar | null
  /** Asked after each page. */
  isTimeUp(): boolean
  /** Aborted when the page under way cannot be waited for any more. */
  timeUp: AbortSignal
  /** Told when what was read so far, by this read or an earlier one, is of no use. */
  startOver(): void
}

export interface Pages {
  records: AirtableRecord[]
  /** Where to go on; null when these are all. */
  rest: Omit<PagesSoFar, 'records'> | null
  /** What has stopped the read, if it was not the time: it can pass. */
  because?: unknown
}

/**
 * All records, each once, in the order in which they first came; with `part` maybe only the first of them. A list that
 * Airtable forgets between two pages is read again from the first.
 */
export async function readPages(ask: AskForPage, target: Target, part: Part | null = null): Promise<Pages> {
  let from = part?.from ?? null
  for (let restarts = 0; ; restarts += 1) {
    const list = startList(from)
    try {
      return await readOn(ask, target, list, part)
    } catch (error) {
      const { read, offset } = list
      if (part && read > 0 && offset !== undefined && (canPass(error) || part.timeUp.aborted)) {
        const because = canPass(error) ? { because: error } : {}
        return { records: [...list.records.values()], rest: { pages: list.pages, offset }, ...because }
      }
      // An offset from another read that is refused, for whatever reason, is no better than a forgotten one.
      const stranded = from !== null && read === 0 && hasCode(error, 'AIRTABLE_REFUSED')
      const lost = stranded || hasCode(error, 'AIRTABLE_ITERATOR_LOST')
      if (restarts >= MOST_RESTARTS || !lost) throw error
      part?.startOver()
      from = null
    }
  }
}

interface List {
  /** A record that moves while the list is read can be on two pages: the later one is newer. */
  records: Map<string, AirtableRecord>
  pages: number
  /** How many of them by this read. */
  read: number
  offset: string | undefined
}

function startList(from: PagesSoFar | null): List {
  const records = new Map(from?.records.map((record) => [record.id, record]))
  return { records, pages: from?.pages ?? 0, read: 0, offset: from?.offset }
}

async function readOn(ask: AskForPage, target: Target, list: List, part: Part | null): Promise<Pages> {
  const followed = new Set<string>()
  for (;;) {
    const page = await ask(list.offset, list.read === 0)
    for (const record of page.records) list.records.set(record.id, record)
    list.pages += 1
    list.read += 1
    list.offset = page.offset
    const { offset } = page
    if (offset === undefined) return { records: [...list.records.values()], rest: null }
    if (followed.has(offset)) throw airtableBadReply(target, 'its pages go round in circles')
    followed.add(offset)
    if (part?.isTimeUp()) return { records: [...list.records.values()], rest: { pages: list.pages, offset } }
  }
}
