import type fc from 'fast-check'
import { isCodedError } from '@/lib/core-services/cache/engine/errors'
import type { FieldCacheConfig } from '@/lib/core-services/cache/engine/fieldConfig'
import { createFieldStore } from '@/lib/core-services/cache/engine/fieldStore'
import { createFlights } from '@/lib/core-services/cache/engine/flights'
import { createKeySpace } from '@/lib/core-services/cache/engine/keys'
import { type Clock, defaultPorts } from '@/lib/core-services/cache/engine/ports'
import { createSeenTokens } from '@/lib/core-services/cache/engine/seenTokens'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldRuntime } from '@/lib/core-services/cache/fieldRuntime'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { connectSim, type Fault, SimRedis } from './simRedis'

export type Operation =
  | { do: 'read' }
  | { do: 'force' }
  | { do: 'invalidate tag' }
  | { do: 'invalidate field' }
  | { do: 'evict'; which: number }
  | { do: 'wait'; milliseconds: number }

export interface Plan {
  /** What each client does, one thing after the other; clients with an even number share one process, odd ones another. */
  clients: readonly (readonly Operation[])[]
  faults: readonly Fault[]
  /** Which fetches fail, and which bring the state of their end instead of that of their start. */
  failing: readonly boolean[]
  /** How far the wall clocks of the two processes are apart, in ms. */
  skew: number
}

/** Logical time: a number for each thing that happens, in order. */
interface Span {
  from: number
  to: number
}

interface ReadSpan extends Span {
  fetchBegan: number
  status: string
}

/** What is checked afterwards, and what makes a run worth having. */
export interface History {
  reads: ReadSpan[]
  /** Acknowledged invalidations and forces: later reads see nothing that was fetched before `from`. */
  acknowledged: Span[]
  during: {
    invalidationDuringFetch: boolean
    overlappingForces: boolean
    eviction: boolean
    leaseExpired: boolean
  }
}

const FETCH_TIMEOUT_MS = 1_000

export async function live(scheduler: fc.Scheduler, plan: Plan): Promise<History> {
  let step = 0
  let time = 0
  let tokens = 0
  let requests = 0
  let fetches = 0
  let fetching = 0
  let forcing = 0
  const happens = () => ++step
  const history: History = {
    reads: [],
    acknowledged: [],
    during: {
      invalidationDuringFetch: false,
      overlappingForces: false,
      eviction: false,
      leaseExpired: false,
    },
  }
  const background: Promise<void>[] = []
  const redis = new SimRedis(() => time)
  const hop = (label: string) => scheduler.schedule(Promise.resolve(), label)

  const clockOf = (skew: number): Clock => ({
    now: () => time + skew,
    monotonic: () => time,
    async sleep(milliseconds) {
      const due = time + milliseconds
      await hop(`sleep ${milliseconds}`)
      time = Math.max(time, due)
    },
  })

  function startProcess(skew: number): FieldRuntime {
    const ports = {
      ...defaultPorts,
      clock: clockOf(skew),
      random: () => 0.5,
      uniqueToken: () => `t${++tokens}`,
      defer: (work: () => Promise<void>) => background.push(work()) > 0,
    }
    const nextFault = () => plan.faults[requests++ % Math.max(1, plan.faults.length)] ?? 'none'
    const { send, sendTogether } = connectSim(redis, hop, nextFault)
    const keys = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })
    const store = createFieldStore(send, sendTogether, keys, ports)
    return {
      ports,
      store: async () => store,
      flights: createFlights(),
      seen: createSeenTokens(),
      refreshTimeoutMs: FETCH_TIMEOUT_MS,
    }
  }

  const config: FieldCacheConfig<{ began: number }> = {
    name: 'sim',
    key: 'sim',
    ttl: 2,
    staleWhileRevalidate: 2,
    staleIfError: 2,
    tags: ['sim'],
    fetcher: async () => {
      const began = happens()
      const number = fetches++
      const startedAt = time
      fetching += 1
      await hop(`fetch ${number}`)
      fetching -= 1
      if (time - startedAt > FETCH_TIMEOUT_MS) history.during.leaseExpired = true
      if (plan.failing[number % Math.max(1, plan.failing.length)]) throw new Error('the source is down')
      return { began }
    },
  }

  async function operate(runtime: FieldRuntime, operation: Operation): Promise<void> {
    const from = happens()
    switch (operation.do) {
      case 'read': {
        const { data, status } = await readFieldCache(config, 'never', runtime)
        history.reads.push({ from, to: happens(), fetchBegan: data.began, status })
        return
      }
      case 'force': {
        forcing += 1
        if (forcing > 1) history.during.overlappingForces = true
        try {
          const { status, data } = await readFieldCache(config, 'always', runtime)
          history.reads.push({ from, to: happens(), fetchBegan: data.began, status })
          if (status === 'refreshed') history.acknowledged.push({ from, to: happens() })
        } finally {
          forcing -= 1
        }
        return
      }
      case 'invalidate tag':
      case 'invalidate field':
        if (fetching > 0) history.during.invalidationDuringFetch = true
        await (operation.do === 'invalidate tag'
          ? invalidateTags(['sim'], runtime)
          : invalidateField(config, runtime))
        history.acknowledged.push({ from, to: happens() })
        return
      case 'evict': {
        const names = redis.names()
        const name = names[operation.which % Math.max(1, names.length)]
        if (name !== undefined) {
          redis.evict(name)
          history.during.eviction = true
        }
        return hop('evicted')
      }
      case 'wait':
        await hop('wait')
        time += operation.milliseconds
    }
  }

  const processes = [startProcess(0), startProcess(plan.skew)]
  const clients = plan.clients.map(async (operations, number) => {
    const runtime = processes[number % 2] as FieldRuntime
    for (const operation of operations) {
      try {
        await operate(runtime, operation)
      } catch (error) {
        // A source that is down and an invalidation that was not recorded are told; anything else is a bug.
        if (!isCodedError(error)) throw error
      }
    }
    // What everybody finds in the end counts as well.
    await operate(runtime, { do: 'read' }).catch(() => undefined)
  })
  await scheduler.waitFor(Promise.all(clients))
  await scheduler.waitFor(Promise.all(background))
  return history
}
