/** What locks ask of Redis: scripts over the locks of one holder, each all or nothing. They reject with REDIS_ errors. */

import { redisBadReply } from '../errors'
import { billedScript } from '../redis/billing'
import type { KeySpace } from '../redis/commands/keySpace'
import { scan } from '../redis/commands/scan'
import type { RawReply, Send } from '../redis/pipeline'
import { SHEBANG } from '../redis/shebang'

export interface LockStore {
  /** The fencing token, or null when one of the locks is held. `floor` is where tokens begin, see the script. */
  take(names: readonly string[], holder: string, milliseconds: number, floor: number): Promise<number | null>
  /** Sets the time that is left; false, and nothing done, when one of the locks is no longer the holder's. */
  extend(names: readonly string[], holder: string, milliseconds: number): Promise<boolean>
  /** Gives back those that are still the holder's; true when all of them were. */
  release(names: readonly string[], holder: string): Promise<boolean>
  /** How many locks are held, by whomever. Walks the whole database. */
  count(): Promise<number>
}

/**
 * KEYS: the locks, then the counter of tokens. ARGV: holder, ms, floor. Billed 3 for one lock, 2 when it is held; 2 more
 * for the very first token. The counter never expires; should it get lost all the same, tokens go on from the floor, a
 * wall clock in ms, which no counter reaches that is raised less than a thousand times a second.
 */
export const TAKE_SCRIPT = billedScript(
  `${SHEBANG}for i = 1, #KEYS - 1 do
  if not redis.call('SET', KEYS[i], ARGV[1], 'NX', 'PX', ARGV[2]) then
    if i > 1 then redis.call('DEL', unpack(KEYS, 1, i - 1)) end
    return 0
  end
end
local token = redis.call('INCR', KEYS[#KEYS])
if token > 1 then return token end
return redis.call('INCRBY', KEYS[#KEYS], ARGV[3])`,
  // Of several, any one may have been held.
  (reply, keys) => (reply === 0 ? 1 : keys),
)

/** KEYS: the locks. ARGV: holder, ms. Billed 3 for one lock. */
export const EXTEND_SCRIPT = billedScript(
  `${SHEBANG}for _, holder in ipairs(redis.call('MGET', unpack(KEYS))) do
  if holder ~= ARGV[1] then return 0 end
end
for _, name in ipairs(KEYS) do redis.call('PEXPIRE', name, ARGV[2]) end
return 1`,
  (reply, keys) => (reply === 0 ? 1 : 1 + keys),
)

/** KEYS: the locks. ARGV: holder. Billed 3, however many they are. */
export const RELEASE_SCRIPT = billedScript(
  `${SHEBANG}local held = {}
for i, holder in ipairs(redis.call('MGET', unpack(KEYS))) do
  if holder == ARGV[1] then held[#held + 1] = KEYS[i] end
end
if #held == 0 then return 0 end
return redis.call('DEL', unpack(held))`,
  (reply) => (reply === 0 ? 1 : 2),
)

const SCAN_EFFORT = 1_000

export function createLockStore(send: Send, keys: KeySpace): LockStore {
  // One counter for all locks: one for each name would never expire either, and there are as many names as ids.
  const fence = keys.internal('fence', 'all')
  const lockNames = (names: readonly string[]) => names.map((name) => keys.internal('lock', name))

  async function run(
    script: string,
    names: readonly string[],
    ...args: (string | number)[]
  ): Promise<number> {
    const reply: RawReply = await send('EVAL', script, names.length, ...names, ...args)
    if (typeof reply !== 'number') throw redisBadReply('the script answered in another shape')
    return reply
  }

  return {
    async take(names, holder, milliseconds, floor) {
      const token = await run(TAKE_SCRIPT, [...lockNames(names), fence], holder, milliseconds, floor)
      return token === 0 ? null : token
    },
    extend: async (names, holder, milliseconds) =>
      (await run(EXTEND_SCRIPT, lockNames(names), holder, milliseconds)) === 1,
    release: async (names, holder) => (await run(RELEASE_SCRIPT, lockNames(names), holder)) === names.length,
    async count() {
      const seen = new Set<string>()
      for await (const names of scan(send, keys.internalPattern('lock'), SCAN_EFFORT)) {
        for (const name of names) seen.add(name)
      }
      return seen.size
    },
  }
}
