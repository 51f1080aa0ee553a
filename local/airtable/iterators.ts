import { randomBytes } from 'node:crypto'

const KEPT = 1_000
const OFFSET_PATTERN = /^(itr[A-Za-z0-9]{14})\/(rec[A-Za-z0-9]{14})$/

/** A list request that has more pages: the ids found when it began, in order. */
interface OpenList {
  readonly tableId: string
  readonly recordIds: readonly string[]
}

/** Where a page starts. */
export interface Position extends OpenList {
  readonly iteratorId: string | undefined
  readonly start: number
}

/** What an `offset` leads to: a position, no offset at all, or an iterator this server does not have. */
type Resumed = Position | 'malformed' | 'gone'

export interface Iterators {
  resume(offset: string, tableId: string): Resumed
  /** The offset of the page that starts at `start`; opens an iterator for a list that had none. */
  offsetAt(position: Position, start: number): string | undefined
}

/**
 * Remembers the lists that have further pages. Membership and order stay as they were on page one, values do not, and
 * an offset may be used again, as when a page is retried. Only the newest thousand are kept.
 */
export function createIterators(): Iterators {
  const open = new Map<string, OpenList>()

  function add(list: OpenList): string {
    const id = `itr${randomBytes(7).toString('hex')}`
    open.set(id, list)
    for (const oldest of open.keys()) {
      if (open.size <= KEPT) break
      open.delete(oldest)
    }
    return id
  }

  return {
    resume(offset, tableId) {
      const [, iteratorId, recordId] = OFFSET_PATTERN.exec(offset) ?? []
      if (iteratorId === undefined || recordId === undefined) return 'malformed'
      const iterator = open.get(iteratorId)
      const start = iterator?.recordIds.indexOf(recordId) ?? -1
      if (iterator === undefined || iterator.tableId !== tableId || start < 0) return 'gone'
      return { ...iterator, iteratorId, start }
    },
    offsetAt({ iteratorId, tableId, recordIds }, start) {
      const recordId = recordIds[start]
      if (recordId === undefined) return undefined
      return `${iteratorId ?? add({ tableId, recordIds })}/${recordId}`
    },
  }
}
