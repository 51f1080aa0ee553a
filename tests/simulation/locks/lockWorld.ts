import type fc from 'fast-check'
import { createLockStore } from '@/lib/core-services/cache/coordination/lockStore'
import { createLocks, type Locks } from '@/lib/core-services/cache/coordination/locks'
import { TAKE_LOCKS_SCRIPT } from '@/lib/core-services/cache/coordination/scripts/takeLocks'
import type { RawReply, Send } from '@/lib/core-services/cache/redis/pipeline'
import { hasCode, isCodedError } from '@/lib/shared/errors'
import { type Command, createMemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { type Coincidences, noCoincidences } from '../../kit/simulation/coincidences'
import { type Fault, keySpace } from '../../kit/simulation/network'
import { createProcess } from '../../kit/simulation/process'
import { createUniverse } from '../../kit/simulation/universe'
import { createNetwork } from '../world/network'

export type LockOperation =
  | { do: 'work'; names: readonly string[]; steps: number; retryCount: number }
  | { do: 'hold'; names: readonly string[]; milliseconds: number }
  | { do: 'die'; names: readonly string[] }
  | { do: 'wait'; milliseconds: number }

export interface LockPlan {
  /** What each client does, one thing after the other; clients with an even number share one process, odd ones another. */
  clients: readonly (readonly LockOperation[])[]
  faults: readonly Fault[]
}

interface Grant {
  names: readonly string[]
  token: number
  /** The names that another process was still certain to hold. */
  intruded: readonly string[]
}

export interface LockHistory {
  /** In the order in which Redis gave them. */
  grants: Grant[]
  /** What was said to have been done alone: the token, and how many grants there were when the work had ended. */
  alone: { token: number; names: readonly string[]; grantsThen: number }[]
  /** Writes to a resource that refuses a token lower than the highest it has seen. */
  writes: { token: number; accepted: boolean }[]
  during: Coincidences<(typeof LOCK_COINCIDENCES)[number]>
}

export const LOCK_COINCIDENCES = ['contention', 'lost', 'takenOver', 'lateWrite'] as const

const TTL_SECONDS = 3

export async function liveWithLocks(scheduler: fc.Scheduler, plan: LockPlan): Promise<LockHistory> {
  const universe = createUniverse(scheduler)
  const history: LockHistory = {
    grants: [],
    alone: [],
    writes: [],
    during: noCoincidences(LOCK_COINCIDENCES),
  }
  const processes: Locks[] = []
  const redis = createMemoryRedis(universe.now)
  function execute(command: Command): RawReply {
    const reply = redis.execute(command)
    const [name, script, count, ...keys] = command
    if (name === 'EVAL' && script === TAKE_LOCKS_SCRIPT && typeof reply === 'number' && reply > 0) {
      // The last key is the counter of tokens.
      const physical = keys.slice(0, Number(count) - 1).map(String)
      const names = physical.map((lock) => lock.split(':').at(-1) ?? '')
      const certain = processes.flatMap(({ held }) => held)
      history.grants.push({ names, token: reply, intruded: names.filter((lock) => certain.includes(lock)) })
    }
    return reply
  }
  const network = createNetwork(
    universe,
    { faults: plan.faults, ambushes: [] },
    { sends: () => undefined, execute, answered: () => undefined, refuses: () => undefined },
  )
  function startProcess(number: number): Locks {
    const { ports } = createProcess({ time: universe, number })
    const send: Send = async (...command) => {
      const [reply = null] = await network.request([command], { process: number, invalidates: false })
      return reply
    }
    const store = createLockStore(send, keySpace)
    return createLocks(store, keySpace, { ttlSeconds: TTL_SECONDS, retryCount: 2, retryDelay: 500 }, ports)
  }

  let highest = 0
  async function write(token: number): Promise<void> {
    await universe.turn('write')
    const accepted = token >= highest
    highest = Math.max(highest, token)
    history.writes.push({ token, accepted })
    if (!accepted) history.during.lateWrite = true
  }

  async function operate(locks: Locks, operation: LockOperation): Promise<void> {
    switch (operation.do) {
      case 'work': {
        const { names, steps, retryCount } = operation
        let ended = { token: 0, names, grantsThen: 0 }
        await locks.withLock(
          names,
          async ({ token }) => {
            for (let step = 0; step < steps; step += 1) await write(token)
            ended = { token, names, grantsThen: history.grants.length }
          },
          TTL_SECONDS,
          { retryCount },
        )
        history.alone.push(ended)
        return
      }
      case 'hold': {
        const lock = await locks.acquireMany(operation.names)
        await universe.sleep(operation.milliseconds)
        await write(lock.token)
        if (!(await locks.release(lock))) history.during.takenOver = true
        return
      }
      case 'die':
        await locks.acquireMany(operation.names)
        return
      case 'wait':
        await universe.sleep(operation.milliseconds)
    }
  }

  processes.push(startProcess(0), startProcess(1))
  const clients = plan.clients.map(async (operations, number) => {
    for (const operation of operations) {
      try {
        await operate(processes[number % 2] as Locks, operation)
      } catch (error) {
        // A refusal, a loss and a Redis that fails are told; anything else is a bug.
        if (!isCodedError(error)) throw error
        if (hasCode(error, 'LOCK_NOT_ACQUIRED')) history.during.contention = true
        if (hasCode(error, 'LOCK_LOST')) history.during.lost = true
      }
    }
  })
  await scheduler.waitFor(Promise.all(clients))
  return history
}
