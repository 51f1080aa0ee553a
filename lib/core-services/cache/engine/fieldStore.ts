/** What the fields ask of Redis. Each method rejects with a REDIS_ error; the callers decide what that means. */
import { decodeEntry, type Entry } from './entry'
import type { KeySpace } from './keys'
import type { Send } from './send'

export interface FieldStore {
  /** One command. Null when there is no entry that this version can read. */
  read(key: string): Promise<Entry | null>
  /** One command. `ttl` in whole seconds. */
  write(key: string, entry: string, ttl: number | 'forever'): Promise<void>
  remove(key: string): Promise<void>
  /** Takes a name for a time; false when somebody holds it. */
  claim(kind: string, name: string, token: string, milliseconds: number): Promise<boolean>
  /** Gives back what was claimed with this token, and nothing that somebody else has claimed since. */
  release(kind: string, name: string, token: string): Promise<void>
}

const RELEASE_SCRIPT = `#!lua flags=allow-key-locking
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

export function createFieldStore(send: Send, keys: KeySpace): FieldStore {
  return {
    async read(key) {
      const reply = await send('GET', keys.physical(key))
      return typeof reply === 'string' ? decodeEntry(reply) : null
    },
    async write(key, entry, ttl) {
      await send('SET', keys.physical(key), entry, ...(ttl === 'forever' ? [] : ['EX', ttl]))
    },
    async remove(key) {
      await send('DEL', keys.physical(key))
    },
    async claim(kind, name, token, milliseconds) {
      return (await send('SET', keys.internal(kind, name), token, 'NX', 'PX', milliseconds)) === 'OK'
    },
    async release(kind, name, token) {
      await send('EVAL', RELEASE_SCRIPT, 1, keys.internal(kind, name), token)
    },
  }
}
