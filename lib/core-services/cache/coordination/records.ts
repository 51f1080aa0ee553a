/**
 * Small values that instances share, under internal names that no pattern over logical keys reaches. Each call costs
 * one billed command and rejects with a REDIS_ error.
 */
import { redisBadReply } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'
import { decodeValue, encodeValue } from '../redis/json'
import type { Send } from '../redis/pipeline'

export interface SharedRecords {
  /** In the order of the names; null for a missing record. */
  read<T>(kind: string, names: readonly string[]): Promise<(T | null)[]>
  write(kind: string, name: string, value: unknown, seconds: number): Promise<void>
  /** Returns the value before; null for none. */
  exchange<T>(kind: string, name: string, value: unknown, seconds: number): Promise<T | null>
}

/** Records of which the first writer wins. */
export interface ClaimableRecords extends SharedRecords {
  /** Returns whether it wrote; false when there is a record already. */
  claim(kind: string, name: string, value: unknown, seconds: number): Promise<boolean>
  remove(kind: string, name: string): Promise<void>
  physicalName(kind: string, name: string): string
}

export function createSharedRecords(send: Send, keys: KeySpace): ClaimableRecords {
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
    async exchange<T>(kind: string, name: string, value: unknown, seconds: number) {
      const replaced = await send('SET', keys.internal(kind, name), encodeValue(value), 'EX', seconds, 'GET')
      return typeof replaced === 'string' ? decodeValue<T>(replaced) : null
    },
    claim: async (kind, name, value, seconds) =>
      (await send('SET', keys.internal(kind, name), encodeValue(value), 'NX', 'EX', seconds)) === 'OK',
    async remove(kind, name) {
      await send('UNLINK', keys.internal(kind, name))
    },
    physicalName: keys.internal,
  }
}
