/** Between the processes of a run and Redis: each way takes its time, and some of what is sent is lost or late. */

import { redisTimeout, redisUnreachable } from '@/lib/core-services/cache/errors'
import type { SendTogether } from '@/lib/core-services/cache/redis/batchedSends'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import type { RawReply } from '@/lib/core-services/cache/redis/pipeline'
import type { Command } from '@/lib/testing/redis/memoryRedis'

/** The keys of every run. */
export const keySpace = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })

/** Until an unanswered request to Redis is given up, in ms. */
export const DEADLINE_MS = 250

/**
 * What becomes of one request: `none`; never arrives; is done, but the connection breaks before the answer; is given
 * up by a deadline and done later; `slow`: is answered within it, but later than a reader waits that has something to
 * serve; `refused`: if it writes. A read without an answer is sent once more by the transport, unless it was too late.
 */
export type Fault = 'none' | 'lost' | 'unanswered' | 'late' | 'slow' | 'refused'

export interface Trip<T> {
  /** The way to Redis; resolves with what becomes of the request. */
  there(): Promise<Fault>
  run(): Promise<T> | T
  /** The way back; resolves with what becomes of the answer. */
  back(): Promise<Fault>
  /** The rest of the way of a request that was given up. */
  arriveLate?(): Promise<void>
}

/** Takes a request to Redis and its answer back. Throws what the transport throws when one of them is lost or late. */
export async function carry<T>({ there, run, back, arriveLate }: Trip<T>): Promise<T> {
  const fault = await there()
  if (fault === 'lost') throw redisUnreachable('simulated', 'SIM_URL', new Error('lost'))
  if (fault === 'late') {
    void arriveLate?.().then(run)
    throw redisTimeout(DEADLINE_MS, 'SIM_URL')
  }
  const reply = await run()
  const answered = await back()
  if (answered === 'unanswered') throw redisUnreachable('simulated', 'SIM_URL', new Error('broken'))
  return reply
}

/** The commands of a request have outcomes of their own; in a run they all fare alike. */
export function settled(sendTogether: (commands: readonly Command[]) => Promise<RawReply[]>): SendTogether {
  return async (commands) => (await sendTogether(commands)).map((value) => ({ status: 'fulfilled', value }))
}
