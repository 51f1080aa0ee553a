/** Reads records out of Airtable. Nothing is cached here; that is what fields are for. */

import { defaultPorts, type Ports } from '../../shared/ports'
import type { ServiceInterface } from '../service-registry'
import { type AirtableConfig, airtableConfig } from './airtableConfig'
import { airtableLeftAlone, airtableNotInitialized, type Target } from './client/airtableErrors'
import { retryPauseMs } from './client/retryPolicy'
import { type AirtableRequest, ask, type RequestResult } from './client/sendRequest'
import { createProcessLimiter } from './rate-limit/processLimiter'
import type {
  BaseState,
  PermitOptions,
  RateLimiter,
  RateLimiterOptions,
  RequestOutcome,
} from './rate-limit/rateLimiter'
import { type AirtableRecord, pageRequest } from './records/page'
import { type Pages, type Part, readPages } from './records/readPages'

export interface FetchRecordsOptions {
  /** Id or name of the view: its filter and its order apply. An id (viw…) outlives a rename. */
  view?: string | undefined
  /**
   * The columns to ask for, all by name or all by id (fld…), which outlives a rename; the records have them under the
   * same names or ids. Give only those that are used: without any, all come.
   */
  fields: readonly string[]
  /** Only these records, as far as they are there and in the view: 100 ids (rec…) at most, in one request. */
  ids?: readonly string[] | undefined
  /** Ends the read between or during pages; its reason is what the read rejects with. */
  signal?: AbortSignal
  /** Nobody waits for it: when many requests want to be sent, it yields to those for which somebody does. */
  background?: boolean
}

/** `signal` ends the call, and its reason is what it rejects with. */
export type CallOptions = PermitOptions

type AirtablePorts = RateLimiterOptions['ports'] & Pick<Ports, 'alarm'>

export class AirtableService implements ServiceInterface {
  readonly #readConfig: () => AirtableConfig
  readonly #ports: AirtablePorts
  readonly #createLimiter: typeof createProcessLimiter
  #started: { config: AirtableConfig; limiter: RateLimiter } | undefined

  constructor(
    config: () => AirtableConfig = airtableConfig,
    ports: AirtablePorts = defaultPorts,
    createLimiter = createProcessLimiter,
  ) {
    this.#readConfig = config
    this.#ports = ports
    this.#createLimiter = createLimiter
  }

  /** Rejects with CONFIG_INVALID when the key is missing; asks Airtable nothing. */
  async initialize(): Promise<void> {
    const config = this.#readConfig()
    this.#started = { config, limiter: this.#createLimiter(config.pageTimeoutMs, this.#ports) }
  }

  /**
   * All records of a table or view, in its order, each once. `tableId` may be the name of the table; its id (tbl…)
   * outlives a rename. Rejects with the signal's reason, or with an AIRTABLE_ error that names what was asked for and
   * the mend; its `retryAfter` says after how many seconds another try can help. Codes: AIRTABLE_UNAUTHORIZED,
   * _FORBIDDEN, _NOT_FOUND, _TABLE_UNKNOWN, _VIEW_UNKNOWN, _FIELD_UNKNOWN, _REFUSED, _QUERY_INVALID, _RATE_LIMITED,
   * _QUOTA_EXHAUSTED, _ITERATOR_LOST, _UNAVAILABLE, _TIMEOUT, _BAD_REPLY, _TOO_LARGE, _NOT_INITIALIZED.
   */
  async fetchRecords(
    baseId: string,
    tableId: string,
    { view, fields, ids, signal, background = false }: FetchRecordsOptions,
  ): Promise<AirtableRecord[]> {
    const target: Target = { baseId, tableId, view, fields, ids }
    if (ids?.length === 0) return []
    const ask = (offset: string | undefined) => this.call(pageRequest(target, offset), { signal, background })
    return (await readPages(ask, target)).records
  }

  /**
   * The same for a list that may be too long for the time there is: reads one page at least, and tells where to go on.
   * Rejects as `fetchRecords` does, but not with what can pass once it has read something.
   */
  readPart(
    baseId: string,
    tableId: string,
    { view, fields, signal, background = false }: Omit<FetchRecordsOptions, 'ids'>,
    part: Part,
  ): Promise<Pages> {
    const target: Target = { baseId, tableId, view, fields }
    const untilTimeIsUp = AbortSignal.any(signal ? [signal, part.timeUp] : [part.timeUp])
    const ask = (offset: string | undefined, first: boolean) =>
      this.call(pageRequest(target, offset), { signal: first ? signal : untilTimeIsUp, background })
    return readPages(ask, target, part)
  }

  /**
   * Any request, in its permit of the budget that all instances share, with the deadline of a page; tried again where
   * that does no harm. Rejects as `fetchRecords` does.
   */
  async call<T>(request: AirtableRequest<T>, options: CallOptions = {}): Promise<T> {
    const { clock, random } = this.#ports
    for (let failures = 1; ; failures += 1) {
      // Rejects, too, when the signal was aborted during a pause.
      const outcome = await this.#askInTurn(request, options)
      if (outcome.ok) return outcome.value
      const pause = request.repeatable
        ? retryPauseMs(outcome.error.code, failures, outcome.retryAfter, random)
        : undefined
      if (pause === undefined) throw outcome.error
      await clock.sleep(pause, options.signal)
    }
  }

  /** How the bases stand that are in use or left alone, over all instances: see `RateLimiter.bases`. */
  async bases(): Promise<BaseState[]> {
    if (!this.#started) throw airtableNotInitialized()
    return this.#started.limiter.bases()
  }

  /** Rejects with AIRTABLE_RATE_LIMITED or AIRTABLE_QUOTA_EXHAUSTED while the base is left alone. */
  async #askInTurn<T>(request: AirtableRequest<T>, options: PermitOptions): Promise<RequestResult<T>> {
    if (!this.#started) throw airtableNotInitialized()
    const { config, limiter } = this.#started
    const permit = await limiter.take(request.subject.baseId, options)
    if (!permit.granted) throw airtableLeftAlone(request.subject, permit.coolDown)
    let became: RequestOutcome = { kind: 'unanswered' }
    try {
      const outcome = await ask(config, request, this.#ports, options.signal)
      became = toRequestOutcome(outcome)
      return outcome
    } finally {
      permit.settle(became)
    }
  }
}

function toRequestOutcome(outcome: RequestResult<unknown>): RequestOutcome {
  if (outcome.ok) return { kind: 'answered', works: true }
  const { error, retryAfter: seconds } = outcome
  if (error.code === 'AIRTABLE_RATE_LIMITED') return { kind: 'refused', why: 'rate-limit', seconds }
  if (error.code === 'AIRTABLE_QUOTA_EXHAUSTED') return { kind: 'refused', why: 'quota' }
  return error.code === 'AIRTABLE_TIMEOUT' ? { kind: 'unanswered' } : { kind: 'answered', works: false }
}
