/** Between processes and Redis: everything takes its time, and some of it goes wrong. */
import { redisCommandFailed, redisTimeout, redisUnreachable } from '@/lib/core-services/cache/errors'
import type { SendTogether } from '@/lib/core-services/cache/redis/batchedSends'
import type { RawReply, Send } from '@/lib/core-services/cache/redis/pipeline'
import type { Command } from '@/lib/testing/redis/memoryRedis'
import type { Universe } from '../../kit/simulation/universe'
import type { Fault, Plan } from './plan'
import { DEADLINE_MS } from './times'
import type { Caller, Watch } from './watching/watch'

export interface Connection {
  send: Send
  sendTogether(commands: readonly Command[]): Promise<RawReply[]>
}

export interface Network {
  request(commands: readonly Command[], caller: Caller): Promise<RawReply[]>
  /** True once a request has gone wrong. */
  readonly failed: boolean
}

/** How long a slow answer takes, in ms. */
const SLOW_MS = 100
/** What the transport sends again when a connection breaks; see RESENDABLE there. */
const READS = new Set(['GET', 'MGET'])

export function createNetwork(
  universe: Universe,
  { faults, ambushes, cutOff = [] }: Pick<Plan, 'faults' | 'ambushes' | 'cutOff'>,
  watch: Pick<Watch, 'sends' | 'execute' | 'answered' | 'refuses'>,
): Network {
  let failed = false
  let requests = 0
  const shapes = new Map<string, number>()

  function nextFault(shape: string, { process }: Caller): Fault {
    if (cutOff.includes(process)) return 'lost'
    const nth = (shapes.get(shape) ?? 0) + 1
    shapes.set(shape, nth)
    const ambush = ambushes.find((one) => one.on === shape && one.nth === nth)
    if (ambush) return ambush.fault
    return faults.length === 0 ? 'none' : (faults[requests++ % faults.length] ?? 'none')
  }

  async function run(commands: readonly Command[], label: string, caller: Caller): Promise<RawReply[]> {
    const replies: RawReply[] = []
    for (const command of commands) {
      // The entries of a pipeline let others in between.
      if (replies.length > 0) await universe.turn(`${label} goes on`)
      replies.push(watch.execute(command, caller))
    }
    return replies
  }

  async function attempt(commands: readonly Command[], shape: string, caller: Caller): Promise<RawReply[]> {
    const fault = nextFault(shape, caller)
    const label = `p${caller.process}: ${shape}`
    const sentAt = universe.now()
    for (const command of commands) watch.sends(command, caller)
    await universe.turn(`${label} arrives`)
    if (fault !== 'none') {
      failed = true
      universe.log(`${label} is ${fault}`)
    }
    if (fault === 'late') {
      void universe.turn(`${label} arrives late`).then(() => run(commands, label, caller))
      universe.passUntil(sentAt + DEADLINE_MS)
      throw redisTimeout(DEADLINE_MS, 'SIM_URL')
    }
    if (fault === 'lost') throw redisUnreachable('simulated', 'SIM_URL', new Error('lost'))
    const refused = fault === 'refused' && commands.find(([name]) => !READS.has(name))
    if (refused) {
      for (const command of commands) watch.refuses(command)
      throw redisCommandFailed(refused[0], 'OOM command not allowed')
    }
    const replies = await run(commands, label, caller)
    await universe.turn(`${label} is answered`)
    if (fault === 'slow') universe.passUntil(sentAt + SLOW_MS)
    if (fault === 'unanswered') throw redisUnreachable('simulated', 'SIM_URL', new Error('broken'))
    for (const [index, command] of commands.entries()) watch.answered(command, caller, replies[index] ?? null)
    return replies
  }

  return {
    async request(commands, caller) {
      const shape = commands.map(([name]) => name).join('+')
      try {
        return await attempt(commands, shape, caller)
      } catch (error) {
        const resent = commands.every(([name]) => READS.has(name))
        if (!resent || !(error instanceof Error && 'code' in error && error.code === 'REDIS_UNREACHABLE')) {
          throw error
        }
        return attempt(commands, shape, caller)
      }
    },
    get failed() {
      return failed
    },
  }
}

/** The commands of a request have outcomes of their own; here they all fare alike. */
export function settled(sendTogether: Connection['sendTogether']): SendTogether {
  return async (commands) => (await sendTogether(commands)).map((value) => ({ status: 'fulfilled', value }))
}
