/** One look at what a webhook has recorded, shared by all fields that follow it, so that they cost one listing. */

import type { LogPosition } from '../records/table'
import type { PayloadPage, WebhooksApi } from '../webhooksApi'
import { drain, type LogChanges, unlessRefused } from './payloads'
import type { HookRecord } from './webhookStore'

export interface ChangeLog {
  record: HookRecord
  /** What was recorded from a cursor on. */
  readFrom(cursor: number): Promise<LogChanges>
  /** Where a value that is read from now on begins to be behind; null when the webhook is of no use any more. */
  position(): Promise<LogPosition | null>
  /** The furthest that was read. */
  end(): number
}

export interface RunOptions {
  /** Whether something is known to have happened: then an empty log has lost it. */
  announced: boolean
  /** Lists only what the last run has listed before: for values that have not followed even that. */
  quiet: boolean
  signal: AbortSignal
}

const NOTHING: Omit<LogChanges, 'cursor'> = { payloads: 0, tables: new Map() }
const LOST = { unreadable: 'payloads-lost' } as const

export function createChangeLog(
  api: Pick<WebhooksApi, 'payloads' | 'list'>,
  record: HookRecord,
  { announced, quiet, signal }: RunOptions,
): ChangeLog {
  const { id, baseId } = record
  const drains = new Map<number, Promise<LogChanges>>()
  let pages: PayloadPage[] = []
  let end = record.cursor
  let usable = true
  let listing: Promise<number | null> | undefined

  /** Where the log ends by the webhook itself; null for one that is gone or dead, or that the key may not see. */
  const endOfLog = (): Promise<number | null> => {
    listing ??= unlessRefused(() => api.list(baseId, { signal })).then((hooks) => {
      const hook = hooks?.find((one) => one.id === id && one.isHookEnabled)
      return hook ? hook.cursorForNextPayload : null
    })
    return listing
  }

  /** What was listed from an earlier cursor on is not listed again. */
  async function list(cursor: number): Promise<PayloadPage> {
    for (const page of pages) {
      const from = page.cursor - page.payloads.length
      const within = cursor < page.cursor || (cursor === page.cursor && !page.mightHaveMore)
      if (from <= cursor && within) return { ...page, payloads: page.payloads.slice(cursor - from) }
    }
    const page = await api.payloads(baseId, id, cursor, { signal })
    pages.push(page)
    return page
  }

  async function read(from: number): Promise<LogChanges> {
    const drained = (await isEmptied(from)) ? { ...NOTHING, cursor: from, ...LOST } : await drain(list, from)
    if (drained.unreadable) usable = false
    end = Math.max(end, drained.cursor)
    return drained
  }

  /** What is too old is not in the log any more, and its absence cannot be seen in an empty answer. */
  async function isEmptied(from: number): Promise<boolean> {
    if (pages.some(({ payloads, cursor }) => payloads.length > 0 && cursor === from)) return false
    const drained = await drain(list, from)
    if (drained.cursor > from || drained.unreadable) return false
    const known = Math.max(record.cursor, announced ? ((await endOfLog()) ?? from) : from)
    if (known <= from) return false
    // It may have been written between the two answers.
    pages = []
    return (await drain(list, from)).cursor === from
  }

  return {
    record,
    readFrom(cursor) {
      if (quiet && cursor >= record.cursor) return Promise.resolve({ ...NOTHING, cursor })
      const known = drains.get(cursor) ?? read(cursor)
      drains.set(cursor, known)
      return known
    },
    async position() {
      if (usable) return { hook: id, cursor: end }
      const cursor = await endOfLog()
      if (cursor !== null) end = Math.max(end, cursor)
      return cursor === null ? null : { hook: id, cursor }
    },
    end: () => end,
  }
}
