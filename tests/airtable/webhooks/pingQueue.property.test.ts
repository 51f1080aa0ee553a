import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  announcePing,
  drainNow,
  drainPingQueue,
  type PingRuntime,
  type WebhookSync,
} from '@/lib/core-services/airtable/webhooks/pingQueue'
import type { Locks } from '@/lib/core-services/cache/coordination/locks'
import type { SharedRecords } from '@/lib/core-services/cache/coordination/records'
import { lockNotAcquired } from '@/lib/core-services/cache/errors'
import { defaultPorts } from '@/lib/shared/ports'

const hook = { baseId: 'app1', webhookId: 'ach1' }

/** Redis, Airtable and instances; whatever one asks of another arrives, and is answered, when `wait` says so. */
function startWorld(wait: () => Promise<void>) {
  const kept = new Map<string, unknown>()
  let held: object | undefined
  let now = 0
  let drainsUnderWay = 0
  let mostAtOnce = 0
  let failures = 0
  /** When each change was made that was not synced yet. */
  const open = new Set<number>()

  const asked = async <T>(work: () => T): Promise<T> => {
    await wait()
    const result = work()
    await wait()
    return result
  }
  // Instances end soon after their last answer, so none of them comes back later.
  const sleep = async (milliseconds: number) => {
    await wait()
    if (milliseconds > 1_000) throw new Error('the instance has ended')
  }
  const notes: SharedRecords = {
    read: <T>(kind: string, names: readonly string[]) =>
      asked(() => names.map((name) => (kept.get(kind + name) ?? null) as T | null)),
    write: (kind, name, value) => asked(() => void kept.set(kind + name, value)),
    exchange: <T>(kind: string, name: string, value: unknown) =>
      asked(() => {
        const replaced = (kept.get(kind + name) ?? null) as T | null
        kept.set(kind + name, value)
        return replaced
      }),
  }
  const locks: Pick<Locks, 'withLock'> = {
    async withLock(names, work) {
      const own = {}
      const taken = await asked(() => {
        held ??= own
        return held === own
      })
      if (!taken) throw lockNotAcquired([names].flat(), 1)
      try {
        return await work({ token: 1, signal: new AbortController().signal })
      } finally {
        await asked(() => {
          held = undefined
        })
      }
    },
  }
  const runtime: PingRuntime = {
    ports: { ...defaultPorts, clock: { ...defaultPorts.clock, sleep } },
    sharedRecords: async () => notes,
    locks: async () => locks as Locks,
  }
  /** Reads what was changed by the time it asks, and makes up its mind about it later. */
  const drain: WebhookSync = async () => {
    drainsUnderWay += 1
    mostAtOnce = Math.max(mostAtOnce, drainsUnderWay)
    const read = await asked(() => [...open])
    drainsUnderWay -= 1
    if (failures > 0) {
      failures -= 1
      throw new Error('the source is down')
    }
    for (const change of read) open.delete(change)
    return {}
  }
  return {
    /** Changes that were not synced, and how many syncs ran at once. */
    get state() {
      return { open: [...open], atOnce: mostAtOnce }
    },
    runtime,
    drain,
    /** So many of the next drains fail. */
    fail: (times: number) => (failures = times),
    /** Makes an edit after some time. Its ping is delivered `deliveries` times. */
    async edit({ later, deliveries }: { later: number; deliveries: number }) {
      for (let step = 0; step <= later; step += 1) await wait()
      now += 1
      const sentAt = now
      open.add(sentAt)
      const deliver = async () => {
        await wait()
        if (await announcePing({ ...hook, sentAt }, runtime)) await drainPingQueue(hook, drain, runtime)
      }
      await Promise.all(Array.from({ length: deliveries }, deliver))
    },
  }
}

/** As many steps as some drains have lie between the edits, so that pings come at any moment of them. */
const someEdits = fc.array(
  fc.record({ later: fc.integer({ min: 0, max: 60 }), deliveries: fc.integer({ min: 1, max: 2 }) }),
  { minLength: 1, maxLength: 6 },
)
const runs = { numRuns: 1_000 }

it('every announced change is synced, in whatever order pings, answers and locks arrive', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), someEdits, async (scheduler, edits) => {
      const world = startWorld(() => scheduler.schedule(Promise.resolve()))
      await scheduler.waitFor(Promise.all(edits.map(world.edit)))
      expect(world.state).toEqual({ open: [], atOnce: 1 })
    }),
    runs,
  ))

it('the cron syncs what failed syncs have left, and what comes meanwhile', () =>
  fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      someEdits,
      someEdits,
      fc.integer({ min: 1, max: 3 }),
      async (scheduler, edits, later, failures) => {
        const world = startWorld(() => scheduler.schedule(Promise.resolve()))
        world.fail(failures)
        await scheduler.waitFor(Promise.all(edits.map(world.edit)))
        world.fail(0)
        const cron = () => drainNow(hook, world.drain, world.runtime)
        const [drained] = await scheduler.waitFor(Promise.all([cron(), ...later.map(world.edit)]))
        // Another instance was syncing and may have failed.
        if (!drained) await scheduler.waitFor(cron())
        expect(world.state).toEqual({ open: [], atOnce: 1 })
      },
    ),
    runs,
  ))
