/** Each command takes, extends or releases all locks of a holder or none. Rejects with a REDIS_ error. */

import { redisBadReply } from '../errors'
import type { KeySpace } from '../redis/commands/keySpace'
import { scan } from '../redis/commands/scan'
import type { RawReply, Send } from '../redis/pipeline'
import { EXTEND_LOCKS_SCRIPT } from './scripts/extendLocks'
import { RELEASE_LOCKS_SCRIPT } from './scripts/releaseLocks'
import { TAKE_LOCKS_SCRIPT } from './scripts/takeLocks'

export interface LockStore {
  /** The fencing token; null when one of the locks is held. Tokens begin at `floor`. */
  take(names: readonly string[], holder: string, milliseconds: number, floor: number): Promise<number | null>
  /** False, and nothing changed, when the holder has lost one of the locks. */
  extend(names: readonly string[], holder: string, milliseconds: number): Promise<boolean>
  /** True when the holder had all of the locks. */
  release(names: readonly string[], holder: string): Promise<boolean>
  /** Walks the whole database. */
  count(): Promise<number>
}

const SCAN_EFFORT = 1_000

export function createLockStore(send: Send, keys: KeySpace): LockStore {
  // One counter serves all locks. A counter for each name would never expire, and names are as many as ids.
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
      const token = await run(TAKE_LOCKS_SCRIPT, [...lockNames(names), fence], holder, milliseconds, floor)
      return token === 0 ? null : token
    },
    extend: async (names, holder, milliseconds) =>
      (await run(EXTEND_LOCKS_SCRIPT, lockNames(names), holder, milliseconds)) === 1,
    release: async (names, holder) =>
      (await run(RELEASE_LOCKS_SCRIPT, lockNames(names), holder)) === names.length,
    async count() {
      const seen = new Set<string>()
      for await (const names of scan(send, keys.internalPattern('lock'), SCAN_EFFORT)) {
        for (const name of names) seen.add(name)
      }
      return seen.size
    },
  }
}
