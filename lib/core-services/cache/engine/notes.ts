/**
 * Small things that the machinery around the fields writes down for all instances, under names that no pattern over
 * logical keys reaches. Each call is one billed command and rejects with a REDIS_ error.
 */
import { redisBadReply } from './errors'
import { decodeValue, encodeValue } from './json'
import type { KeySpace } from './keys'
import type { Send } from './send'

export interface Notes {
  /** In the order of the names, null where nothing stands. */
  read<T>(kind: string, names: readonly string[]): Promise<(T | null)[]>
  /** Kept for so many seconds. */
  write(kind: string, name: string, value: unknown, seconds: number): Promise<void>
}

export function createNotes(send: Send, keys: KeySpace): Notes {
  return {
    async read<T>(kind: string, names: readonly string[]) {
      if (names.length === 0) return []
      const replies = await send('MGET', ...names.map((name) => keys.internal(kind, name)))
      if (!Array.isArray(replies) || replies.length !== names.length)
        throw redisBadReply('MGET answered in another shape')
      return replies.map((text) => (typeof text === 'string' ? decodeValue<T>(text) : null))
    },
    async write(kind, name, value, seconds) {
      const reply = await send('SET', keys.internal(kind, name), encodeValue(value), 'EX', seconds)
      if (reply !== 'OK') throw redisBadReply('SET was not answered with OK')
    },
  }
}
