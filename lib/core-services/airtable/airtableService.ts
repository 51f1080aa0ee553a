/**
 * Reads records out of Airtable, through the vendor's package but with our own paging and deadlines: its `select()` can
 * hang for ever on a bad answer and retries a 429 without end. Nothing is cached here; that is what fields are for.
 */
import Airtable from 'airtable'
import { type AirtableConfig, airtableConfig } from '../../config/airtableConfig'
import { withinDeadline } from '../cache/engine/deadline'
import { hasCode } from '../cache/engine/errors'
import { type Clock, systemClock } from '../cache/engine/ports'
import type { ServiceInterface } from '../service-registry'
import { airtableBadShape, airtableError, airtableNotInitialized, airtableTimeout } from './airtableErrors'
import { createPacer, type Pacer } from './pacer'

export interface AirtableRecord {
  id: string
  createdTime: string
  /** Only what is not empty: Airtable leaves out empty texts, empty lists and unticked boxes. */
  fields: Record<string, unknown>
}

export interface FetchRecordsOptions {
  /** Name or id of the view: its filter and its order apply. */
  view?: string
  /** The columns to ask for; name only those that are used. */
  fields: readonly string[]
  /** Ends the read between or during pages; its reason is what the read rejects with. */
  signal?: AbortSignal
}

/** A little over a fifth of a second: Airtable allows 5 requests a second for a base. */
const PACE_MS = 220
const PAGE_SIZE = 100

type RequestOptions = Parameters<Airtable.Base['makeRequest']>[0]

interface Started {
  client: Airtable
  config: AirtableConfig
}

export class AirtableService implements ServiceInterface {
  readonly #config: () => AirtableConfig
  readonly #pacer: Pacer
  #started: Started | undefined

  constructor(config: () => AirtableConfig = airtableConfig, clock: Clock = systemClock) {
    this.#config = config
    this.#pacer = createPacer(PACE_MS, clock)
  }

  /** Rejects with CONFIG_INVALID when the key is missing; asks Airtable nothing. */
  async initialize(): Promise<void> {
    const config = this.#config()
    const { apiKey, endpointUrl, pageTimeoutMs } = config
    const client = new Airtable({
      apiKey,
      noRetryIfRateLimited: true,
      requestTimeout: pageTimeoutMs,
      ...(endpointUrl === undefined ? {} : { endpointUrl }),
    })
    this.#started = { client, config }
  }

  /** All records of a table or view, in its order. Rejects with an AIRTABLE_ error or the signal's reason. */
  async fetchRecords(
    baseId: string,
    tableId: string,
    options: FetchRecordsOptions,
  ): Promise<AirtableRecord[]> {
    const records: AirtableRecord[] = []
    let offset: string | undefined
    do {
      await this.#pacer.turn(baseId, options.signal)
      const page = await this.#fetchPage(baseId, tableId, options, offset)
      records.push(...page.records)
      offset = page.offset
    } while (offset !== undefined)
    return records
  }

  async #fetchPage(
    baseId: string,
    tableId: string,
    { view, fields, signal }: FetchRecordsOptions,
    offset: string | undefined,
  ): Promise<Page> {
    if (!this.#started) throw airtableNotInitialized()
    const { client, config } = this.#started
    const what = `${tableId} of ${baseId}${view === undefined ? '' : `, view "${view}"`}`
    const request: RequestOptions = {
      path: `/${encodeURIComponent(tableId)}`,
      qs: { pageSize: PAGE_SIZE, fields: [...fields], ...(view && { view }), ...(offset && { offset }) },
    }
    try {
      // The package knows no abort and forgets its own timer once headers have come.
      const { body } = await withinDeadline(
        config.pageTimeoutMs,
        () => airtableTimeout(config.pageTimeoutMs, what),
        () => client.base(baseId).makeRequest(request),
        signal,
      )
      return pageOf(body, what)
    } catch (error) {
      if (signal?.aborted || hasCode(error, 'AIRTABLE_TIMEOUT', 'AIRTABLE_BAD_REPLY')) throw error
      throw airtableError(error, what)
    }
  }
}

interface Page {
  records: AirtableRecord[]
  offset: string | undefined
}

function pageOf(body: unknown, what: string): Page {
  const { records, offset } = (body ?? {}) as { records?: unknown; offset?: unknown }
  const hasOffset = typeof offset === 'string' && offset !== ''
  if (!Array.isArray(records) || !records.every(isRecord)) throw airtableBadShape(what)
  // Taken for the last page, a strange offset would cut the list off.
  if (offset !== undefined && !hasOffset) throw airtableBadShape(what)
  return { records, offset: hasOffset ? offset : undefined }
}

function isRecord(value: unknown): value is AirtableRecord {
  const { id, fields } = (value ?? {}) as Partial<AirtableRecord>
  return typeof id === 'string' && typeof fields === 'object' && fields !== null
}
