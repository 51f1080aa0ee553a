/** Reads records from Airtable and caches nothing. */

import { defaultPorts, type Ports } from '../../shared/ports'
import type { ServiceInterface } from '../service-registry'
import { type AirtableConfig, airtableConfig } from './airtableConfig'
import { airtableCoolingDown, airtableNotInitialized, type Target } from './client/airtableErrors'
import { retryPauseMs } from './client/retryPolicy'
import { type AirtableRequest, type RequestResult, sendRequest } from './client/sendRequest'
import {
  type BaseState,
  createRateLimiter,
  type PermitOptions,
  type RateLimiter,
  type RateLimiterOptions,
  type RequestOutcome,
} from './rate-limit/rateLimiter'
import { processRateLimitStore } from './rate-limit/rateLimitStore'
import { type AirtableRecord, pageRequest } from './records/page'
import { type Pages, type Part, readPages } from './records/readPages'

export interface FetchRecordsOptions {
  /**
   * Id or name of the view, whose filter and order apply. An id (viw…) survives a rename.
   * @default the whole table
   */
  view?: string | undefined
  /** The columns, all by name or all by id (fld…), which survives a rename. An empty list reads all columns. */
  fields: readonly string[]
  /** Only these records, if they are in the view: at most 100 ids (rec…), in one request. */
  ids?: readonly string[] | undefined
  /** Ends the read, also in the middle of a page. The read rejects with its reason. */
  signal?: AbortSignal
  /**
   * Whether no caller waits for the read. At the rate limit it then yields to reads that have one.
   * @default false
   */
  background?: boolean
}

export type CallOptions = PermitOptions

type AirtablePorts = RateLimiterOptions['ports'] & Pick<Ports, 'alarm'>

export class AirtableService implements ServiceInterface {
  readonly #readConfig: () => AirtableConfig
  readonly #ports: AirtablePorts
  readonly #createLimiter: (options: RateLimiterOptions) => RateLimiter
  #started: { config: AirtableConfig; limiter: RateLimiter } | undefined

  constructor(
    config: () => AirtableConfig = airtableConfig,
    ports: AirtablePorts = defaultPorts,
    createLimiter: (options: RateLimiterOptions) => RateLimiter = createRateLimiter,
  ) {
    this.#readConfig = config
    this.#ports = ports
    this.#createLimiter = createLimiter
  }

  /** Rejects with CONFIG_INVALID when the key is missing. Sends no request. */
  async initialize(): Promise<void> {
    const config = this.#readConfig()
    const { pageTimeoutMs } = config
    const options = { store: processRateLimitStore, pageTimeoutMs, ports: this.#ports }
    this.#started = { config, limiter: this.#createLimiter(options) }
  }

  /**
   * Reads all records of a table or view, in its order, each once. The id of a table (tbl…) survives a rename, its name
   * does not. Rejects with the signal's reason, or with an AIRTABLE_ error that names the request and what to do. Codes:
   * AIRTABLE_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TABLE_UNKNOWN, _VIEW_UNKNOWN, _FIELD_UNKNOWN, _REFUSED,
   * _QUERY_INVALID, _RATE_LIMITED, _QUOTA_EXHAUSTED, _ITERATOR_LOST, _UNAVAILABLE, _TIMEOUT, _BAD_REPLY, _TOO_LARGE,
   * _NOT_INITIALIZED.
   */
  async fetchRecords(
    baseId: string,
    tableId: string,
    { view, fields, ids, signal, background = false }: FetchRecordsOptions,
  ): Promise<AirtableRecord[]> {
    const target: Target = { baseId, tableId, view, fields, ids }
    if (ids?.length === 0) return []
    const fetchPage = (offset: string | undefined) =>
      this.call(pageRequest(target, offset), { signal, background })
    return (await readPages(fetchPage, target)).records
  }

  /**
   * Reads at least one page, then until the time is up, and returns where to go on. Rejects as `fetchRecords` does. After
   * the first page a passing error ends the part instead.
   */
  readPart(
    baseId: string,
    tableId: string,
    { view, fields, signal, background = false }: Omit<FetchRecordsOptions, 'ids'>,
    part: Part,
  ): Promise<Pages> {
    const target: Target = { baseId, tableId, view, fields }
    const untilTimeIsUp = AbortSignal.any(signal ? [signal, part.timeUp] : [part.timeUp])
    const fetchPage = (offset: string | undefined, first: boolean) =>
      this.call(pageRequest(target, offset), { signal: first ? signal : untilTimeIsUp, background })
    return readPages(fetchPage, target, part)
  }

  /**
   * Sends a request within the rate limit that all instances share, with the deadline of a page. Retries it if it is
   * `repeatable`. Rejects as `fetchRecords` does.
   */
  async call<T>(request: AirtableRequest<T>, options: CallOptions = {}): Promise<T> {
    const { clock, random } = this.#ports
    for (let failures = 1; ; failures += 1) {
      const result = await this.#sendWithPermit(request, options)
      if (result.ok) return result.value
      const pause = request.repeatable
        ? retryPauseMs(result.error.code, failures, result.retryAfter, random)
        : undefined
      if (pause === undefined) throw result.error
      await clock.sleep(pause, options.signal)
    }
  }

  async bases(): Promise<BaseState[]> {
    if (!this.#started) throw airtableNotInitialized()
    return this.#started.limiter.bases()
  }

  async #sendWithPermit<T>(request: AirtableRequest<T>, options: PermitOptions): Promise<RequestResult<T>> {
    if (!this.#started) throw airtableNotInitialized()
    const { config, limiter } = this.#started
    const permit = await limiter.take(request.target.baseId, options)
    if (!permit.granted) throw airtableCoolingDown(request.target, permit.coolDown)
    let ended: RequestOutcome = { kind: 'unanswered' }
    try {
      const result = await sendRequest({ config, request, ports: this.#ports, signal: options.signal })
      ended = toRequestOutcome(result)
      return result
    } finally {
      permit.settle(ended)
    }
  }
}

function toRequestOutcome(result: RequestResult<unknown>): RequestOutcome {
  if (result.ok) return { kind: 'answered', works: true }
  const { error, retryAfter: seconds } = result
  if (error.code === 'AIRTABLE_RATE_LIMITED') return { kind: 'refused', why: 'rate-limit', seconds }
  if (error.code === 'AIRTABLE_QUOTA_EXHAUSTED') return { kind: 'refused', why: 'quota' }
  return error.code === 'AIRTABLE_TIMEOUT' ? { kind: 'unanswered' } : { kind: 'answered', works: false }
}
