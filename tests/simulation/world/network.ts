/** Between processes and Redis: everything takes its time, and some of it goes wrong. */
import { redisCommandFailed } from '@/lib/core-services/cache/errors'
import type { RawReply, Send } from '@/lib/core-services/cache/redis/pipeline'
import type { Command } from '@/lib/testing/redis/memoryRedis'
import { carry, DEADLINE_MS, type Fault } from '../../kit/simulation/network'
import { inTurn } from '../../kit/simulation/plan'
import type { Universe } from '../../kit/simulation/universe'
import type { Plan } from './plan'
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
  const shapes = new Map<string, number>()

  const nextPlanned = inTurn(faults, 'none')

  function nextFault(shape: string, { process }: Caller): Fault {
    if (cutOff.includes(process)) return 'lost'
    const nth = (shapes.get(shape) ?? 0) + 1
    shapes.set(shape, nth)
    return ambushes.find((one) => one.on === shape && one.nth === nth)?.fault ?? nextPlanned()
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
    const replies = await carry({
      async there() {
        await universe.turn(`${label} arrives`)
        if (fault === 'none') return fault
        failed = true
        universe.log(`${label} is ${fault}`)
        return fault
      },
      run() {
        const refused = fault === 'refused' && commands.find(([name]) => !READS.has(name))
        if (!refused) return run(commands, label, caller)
        for (const command of commands) watch.refuses(command)
        throw redisCommandFailed(refused[0], 'OOM command not allowed')
      },
      async back() {
        await universe.turn(`${label} is answered`)
        if (fault === 'slow') universe.passUntil(sentAt + SLOW_MS)
        return fault
      },
      arriveLate() {
        const arrival = universe.turn(`${label} arrives late`)
        universe.passUntil(sentAt + DEADLINE_MS)
        return arrival
      },
    })
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
