/** One look at what a webhook has recorded, shared by all fields that follow it, so that they cost one listing. */
import type { WebhooksApi } from '../webhooksApi'
import type { HookRecord } from './hookStore'
import { type Drained, drain } from './payloads'
import type { Position } from './positions'

export interface ChangeRun {
  record: HookRecord
  /** What was recorded from a cursor on. Asked for once per cursor. */
  drainFrom(cursor: number): Promise<Drained>
  /** Where a value that is read from now on begins to be behind; null when the webhook is of no use any more. */
  position(): Promise<Position | null>
  /** The furthest that was read. */
  end(): number
  /** What was read so far. */
  seen(): readonly Drained[]
}

export interface RunOptions {
  /** Whether something is known to have happened: then an empty log has lost it. */
  announced: boolean
  /** Lists nothing: only what was seen before is looked at once more. */
  quiet: boolean
  signal: AbortSignal
}

export function createChangeRun(
  api: Pick<WebhooksApi, 'payloads' | 'list'>,
  record: HookRecord,
  { announced, quiet, signal }: RunOptions,
): ChangeRun {
  const { id, baseId } = record
  const drains = new Map<number, Promise<Drained>>()
  const seen: Drained[] = []
  let end = record.cursor
  let usable = true
  let listing: Promise<number | null> | undefined

  /** Where the log ends by the webhook itself; null for one that is gone or dead. */
  const endOfLog = (): Promise<number | null> => {
    listing ??= api.list(baseId, { signal }).then((hooks) => {
      const hook = hooks.find((one) => one.id === id && one.isHookEnabled)
      return hook ? hook.cursorForNextPayload : null
    })
    return listing
  }

  async function read(from: number): Promise<Drained> {
    const drained = await drain((cursor) => api.payloads(baseId, id, cursor, { signal }), from)
    // What is too old is not in the log any more, and its absence cannot be seen in an empty answer.
    const known =
      drained.payloads > 0 ? from : Math.max(record.cursor, announced ? ((await endOfLog()) ?? from) : from)
    const lost = known > from && drained.payloads === 0
    const told: Drained = lost ? { ...drained, unreadable: 'payloads-lost' } : drained
    if (told.unreadable) usable = false
    end = Math.max(end, told.cursor)
    seen.push(told)
    return told
  }

  return {
    record,
    drainFrom(cursor) {
      if (quiet) return Promise.resolve({ cursor, payloads: 0, tables: new Map() })
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
    seen: () => seen,
  }
}
