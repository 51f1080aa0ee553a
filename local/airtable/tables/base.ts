import { createApi } from '../api'
import { createControls, DEFAULT_SETTINGS } from '../controls'
import type { Clock } from '../rateLimit'
import { createHooks } from '../webhooks/hooks'
import { createPings, type Wait } from '../webhooks/pings'
import { createAttachments } from './attachments'
import { createStore } from './store'
import { createTable, type TableData } from './table'

export interface BaseOptions {
  readonly apiKey: string
  readonly baseId: string
  readonly tables: readonly TableData[]
  /** Only differences of this clock count; the base starts at the current time of day. */
  readonly clock: Clock
  /** @default a timer */
  readonly wait?: Wait | undefined
}

export function createBase({ apiKey, baseId, tables: data, clock, wait }: BaseOptions, origin: () => string) {
  const epoch = Date.now() - clock()
  const now = (): number => epoch + clock()
  const settings = { ...DEFAULT_SETTINGS }
  const attachments = createAttachments(settings, now, origin)
  const tables = data.map((table) => createTable(table, attachments.present))
  const pings = createPings(baseId, settings, now, wait)
  const hooks = createHooks(tables, settings, now, pings)
  const store = createStore(clock, settings, hooks.changed)
  return {
    perform: createApi({ baseId, apiKey, tables, store, hooks }, clock),
    controls: createControls(settings, pings.release, hooks.act),
    serveAttachment: attachments.serve,
    close: pings.close,
  }
}
