/** A process of the app: its own state, clocks and memory, and a death after which it does nothing any more. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DeltaLimits } from '@/lib/core-services/airtable/changelog/syncLimits'
import { watchRechecks } from '@/lib/core-services/airtable/webhooks/recheckWatch'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { createLockStore } from '@/lib/core-services/cache/coordination/lockStore'
import { createLocks } from '@/lib/core-services/cache/coordination/locks'
import { createSharedRecords } from '@/lib/core-services/cache/coordination/records'
import { type AnyField, defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { createFieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import type { RawReply } from '@/lib/core-services/cache/redis/pipeline'
import type { FieldCacheEvent } from '@/lib/shared/events'
import { processState } from '@/lib/shared/processState'
import '@/lib/core-services/serviceLoader'
import type { RegistryState } from '@/lib/core-services/service-registry'
import type { Command, MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { carry, keySpace, settled } from '../../../kit/simulation/network'
import { createProcess } from '../../../kit/simulation/process'
import type { Timeline } from '../../../kit/simulation/timeline'
import { type AirtableClient, EPOCH, type SimAirtable } from './simAirtable'

export interface Surroundings {
  timeline: Timeline
  redis: MemoryRedis
  airtable: SimAirtable
  fields: readonly AnyField[]
  limits: DeltaLimits
  /** How long the next way to Redis or Airtable takes, in ms, and whether what is sent on it gets lost. */
  way(to: 'redis' | 'airtable'): { milliseconds: number; lost: boolean }
  emit(process: number, event: FieldCacheEvent): void
}

export interface SimProcess {
  number: number
  /** Runs work as this process; never resolves once it is dead. */
  run<T>(work: () => Promise<T>): Promise<T>
  kill(): void
}

interface Inside {
  slots: Map<string, unknown>
  cache: Pick<CacheService, 'fieldStore' | 'lock' | 'sharedRecords'>
  airtable: AirtableClient
}

const inside = new AsyncLocalStorage<Inside>()

/** Gives each process the state that hangs on `globalThis` otherwise. Returns what puts everything back. */
export function separateProcesses(): () => void {
  const root = globalThis as { [key: symbol]: unknown }
  const symbol = Symbol.for('field-cache')
  const registrations = processState<RegistryState>('services', () => new Map())
  const own = root[symbol] as Map<string, unknown>
  const current = () => inside.getStore()?.slots ?? own
  root[symbol] = {
    has: (slot: string) => current().has(slot),
    get: (slot: string) => current().get(slot),
    set: (slot: string, value: unknown) => current().set(slot, value),
  }
  const before = new Map(registrations)
  for (const name of ['cache', 'airtable'] as const) {
    const service = new Proxy(
      { initialize: async () => undefined },
      { get: (target, key) => Reflect.get(inside.getStore()?.[name] ?? {}, key) ?? Reflect.get(target, key) },
    )
    registrations.set(name, { create: () => service, requires: [], prefers: [] })
  }
  return () => {
    root[symbol] = own
    for (const [name, registration] of before) registrations.set(name, registration)
  }
}

export function startProcess(surroundings: Surroundings, number: number): SimProcess {
  const { timeline, redis, airtable, fields, limits, way, emit } = surroundings
  const life = createProcess({
    time: timeline,
    number,
    ahead: EPOCH,
    ports: {
      emit: (event) => {
        if (life.isAlive) emit(number, event)
      },
      defer: (work) => void work().catch((error: unknown) => emit(number, bug(error))),
    },
  })
  const { ports } = life

  const toRedis = (commands: readonly Command[]): Promise<RawReply[]> =>
    carry({
      async there() {
        const { milliseconds, lost } = way('redis')
        await timeline.sleep(milliseconds)
        return lost ? 'lost' : 'none'
      },
      run: () => commands.map((command) => redis.execute(command)),
      async back() {
        const { milliseconds, lost } = way('redis')
        await timeline.sleep(milliseconds)
        return lost ? 'unanswered' : 'none'
      },
    })

  const sendTogether = (commands: readonly Command[]) => life.run(() => toRedis(commands))
  const send = async (...command: Command) => (await sendTogether([command]))[0] ?? null
  const lockDefaults = { ttlSeconds: 30, retryDelay: 100, retryCount: 3 }
  const state: Inside = {
    slots: new Map<string, unknown>([['ports', ports]]),
    cache: {
      fieldStore: createFieldStore(send, settled(sendTogether), 100, keySpace, ports),
      lock: createLocks(createLockStore(send, keySpace), keySpace, lockDefaults, ports),
      sharedRecords: createSharedRecords(send, keySpace),
    },
    airtable: airtable.client((work) =>
      life.run(async () => {
        await timeline.sleep(way('airtable').milliseconds)
        const answer = work()
        await timeline.sleep(way('airtable').milliseconds)
        return answer
      }),
    ),
  }
  inside.run(state, () => {
    defineFields(fields)
    watchRechecks(fields, { limits })
  })
  return {
    number,
    run: (work) => inside.run(state, () => life.run(work)),
    kill: life.kill,
  }
}

const bug = (error: unknown): FieldCacheEvent => ({
  type: 'request.failed',
  path: 'deferred',
  code: 'BUG',
  message: error instanceof Error ? String(error.stack) : String(error),
})
