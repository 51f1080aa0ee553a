/** Puts a list together from its pages. */
import { hasCode } from '../cache/engine/errors'
import { airtableBadReply, type Target } from './airtableErrors'
import type { AirtableRecord, Page } from './page'
import { MOST_RESTARTS } from './retryPolicy'

/** Asks for the page at an offset, or for the first one. */
export type AskForPage = (offset: string | undefined) => Promise<Page>

/**
 * All records, each once, in the order in which they first came. A list that Airtable forgets between two pages is
 * read again from the first.
 */
export async function readPages(ask: AskForPage, target: Target): Promise<AirtableRecord[]> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await readOnce(ask, target)
    } catch (error) {
      if (restarts >= MOST_RESTARTS || !hasCode(error, 'AIRTABLE_ITERATOR_LOST')) throw error
    }
  }
}

async function readOnce(ask: AskForPage, target: Target): Promise<AirtableRecord[]> {
  // A record that moves while the list is read can be on two pages: the later one is newer.
  const records = new Map<string, AirtableRecord>()
  const followed = new Set<string>()
  let page = await ask(undefined)
  for (;;) {
    for (const record of page.records) records.set(record.id, record)
    const { offset } = page
    if (offset === undefined) return [...records.values()]
    if (followed.has(offset)) throw airtableBadReply(target, 'its pages go round in circles')
    followed.add(offset)
    page = await ask(offset)
  }
}
