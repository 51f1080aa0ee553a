import { fail, iteratorGone, refuse } from './errors'
import type { Clock } from './rateLimit'
import { newId } from './tables/table'

/** How long an unused offset stays valid, in ms. The vendor's documents do not say. */
const IDLE_MS = 300_000
const OFFSET_PATTERN = /^(itr[A-Za-z0-9]{14})\/(rec[A-Za-z0-9]{14})$/

type Position = { listId?: string; tableId: string; recordIds: readonly string[]; start: number }
export type Offsets = ReturnType<typeof createOffsets>

/**
 * Remembers the newest thousand lists. Members and order stay as on page one; values do not. An offset can be used again.
 */
export function createOffsets(clock: Clock) {
  const open = new Map<string, Position & { usedAt: number }>()
  return {
    /** Refuses the request when the offset is not valid. */
    resume(tableId: string, offset: string): Position {
      const [, listId = '', recordId = ''] = OFFSET_PATTERN.exec(offset) ?? []
      if (listId === '') fail(422, 'INVALID_OFFSET_VALUE', 'The value of offset is invalid')
      const list = open.get(listId) ?? refuse(iteratorGone)
      const start = list.recordIds.indexOf(recordId)
      if (list.tableId !== tableId || start < 0 || clock() - list.usedAt > IDLE_MS) refuse(iteratorGone)
      return { ...list, listId, start }
    },
    /** Undefined past the end. */
    offsetAt(position: Position, start: number): string | undefined {
      const recordId = position.recordIds[start]
      if (recordId === undefined) return undefined
      const { listId = newId('itr') } = position
      open.set(listId, { ...position, usedAt: clock() })
      const [oldest = ''] = open.keys()
      if (open.size > 1_000) open.delete(oldest)
      return `${listId}/${recordId}`
    },
  }
}
