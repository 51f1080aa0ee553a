/** Reads the log of one webhook during one sync. All fields share its requests. */

import type { LogPosition } from '../records/table'
import type { PayloadPage, WebhooksApi } from '../webhooksApi'
import { type LogChanges, readPayloads, unlessRefused } from './payloads'
import type { HookRecord } from './webhookStore'

export interface ChangeLog {
  record: HookRecord
  readFrom(cursor: number): Promise<LogChanges>
  /** From where a value that is read now may lack changes; null when the log can no longer be used. */
  position(): Promise<LogPosition | null>
  end(): number
}

export interface ChangeLogOptions {
  /** Whether Airtable has announced a change. An empty log has then lost it. */
  announced: boolean
  /** Whether to read only payloads that an earlier sync has listed, without a request. */
  quiet: boolean
  signal: AbortSignal
}

const NOTHING: Omit<LogChanges, 'cursor'> = { payloads: 0, tables: new Map() }
const LOST = { unreadable: 'payloads-lost' } as const

export function createChangeLog(
  api: Pick<WebhooksApi, 'payloads' | 'list'>,
  record: HookRecord,
  { announced, quiet, signal }: ChangeLogOptions,
): ChangeLog {
  const { id, baseId } = record
  const reads = new Map<number, Promise<LogChanges>>()
  let pages: PayloadPage[] = []
  let end = record.cursor
  let usable = true
  let listing: Promise<number | null> | undefined

  /** Resolves with null for a webhook that is gone, dead, or hidden from the key. */
  const findEnd = (): Promise<number | null> => {
    listing ??= unlessRefused(() => api.list(baseId, { signal })).then((hooks) => {
      const hook = hooks?.find((one) => one.id === id && one.isHookEnabled)
      return hook ? hook.cursorForNextPayload : null
    })
    return listing
  }

  /** Sends a request only when no listed page holds the cursor. */
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
    const changes = (await isEmptied(from))
      ? { ...NOTHING, cursor: from, ...LOST }
      : await readPayloads(list, from)
    if (changes.unreadable) usable = false
    end = Math.max(end, changes.cursor)
    return changes
  }

  /** Whether Airtable has dropped payloads from `from` on for their age. An empty answer alone does not show this. */
  async function isEmptied(from: number): Promise<boolean> {
    if (pages.some(({ payloads, cursor }) => payloads.length > 0 && cursor === from)) return false
    const { cursor, unreadable } = await readPayloads(list, from)
    if (cursor > from || unreadable) return false
    const known = Math.max(record.cursor, announced ? ((await findEnd()) ?? from) : from)
    if (known <= from) return false
    // The payload may have been written between the two answers.
    pages = []
    return (await readPayloads(list, from)).cursor === from
  }

  return {
    record,
    readFrom(cursor) {
      if (quiet && cursor >= record.cursor) return Promise.resolve({ ...NOTHING, cursor })
      const known = reads.get(cursor) ?? read(cursor)
      reads.set(cursor, known)
      return known
    },
    async position() {
      if (usable) return { hook: id, cursor: end }
      const cursor = await findEnd()
      if (cursor !== null) end = Math.max(end, cursor)
      return cursor === null ? null : { hook: id, cursor }
    },
    end: () => end,
  }
}
