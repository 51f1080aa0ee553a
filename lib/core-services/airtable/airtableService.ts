/** Reads records out of Airtable. Nothing is cached here; that is what fields are for. */
import { type AirtableConfig, airtableConfig } from '../../config/airtableConfig'
import { defaultPorts, type Ports } from '../cache/engine/ports'
import type { ServiceInterface } from '../service-registry'
import { airtableNotInitialized, type Target } from './airtableErrors'
import { type AirtableRequest, ask } from './ask'
import { createPacer, type Pacer } from './pacer'
import { type AirtableRecord, pageRequest } from './page'
import { readPages } from './readPages'
import { pauseBefore } from './retryPolicy'

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
}

export interface CallOptions {
  /** Ends the call; its reason is what it rejects with. */
  signal?: AbortSignal | undefined
}

/** A little over a fifth of a second: Airtable allows 5 requests a second for a base. */
const PACE_MS = 220

export class AirtableService implements ServiceInterface {
  readonly #readConfig: () => AirtableConfig
  readonly #ports: Pick<Ports, 'clock' | 'random' | 'isControlFlow'>
  readonly #pacer: Pacer
  #config: AirtableConfig | undefined

  constructor(
    config: () => AirtableConfig = airtableConfig,
    ports: Pick<Ports, 'clock' | 'random' | 'isControlFlow'> = defaultPorts,
  ) {
    this.#readConfig = config
    this.#ports = ports
    this.#pacer = createPacer(PACE_MS, ports.clock)
  }

  /** Rejects with CONFIG_INVALID when the key is missing; asks Airtable nothing. */
  async initialize(): Promise<void> {
    this.#config = this.#readConfig()
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
    { view, fields, ids, signal }: FetchRecordsOptions,
  ): Promise<AirtableRecord[]> {
    const target: Target = { baseId, tableId, view, fields, ids }
    if (ids?.length === 0) return []
    return readPages((offset) => this.call(pageRequest(target, offset), { signal }), target)
  }

  /**
   * Any request, in its turn, with the deadline of a page; tried again where that does no harm. Rejects as
   * `fetchRecords` does.
   */
  async call<T>(request: AirtableRequest<T>, { signal }: CallOptions = {}): Promise<T> {
    const config = this.#config
    if (!config) throw airtableNotInitialized()
    const { clock, random } = this.#ports
    for (let failures = 1; ; failures += 1) {
      // Rejects, too, when the signal was aborted during a pause.
      await this.#pacer.turn(request.subject.baseId, signal)
      const outcome = await ask(config, request, this.#ports, signal)
      if (outcome.ok) return outcome.value
      const pause = request.repeatable
        ? pauseBefore(outcome.error.code, failures, outcome.retryAfter, random)
        : undefined
      if (pause === undefined) throw outcome.error
      await clock.sleep(pause, signal)
    }
  }
}
