import { beforeEach, describe, expect, it, vi } from 'vitest'
import {
  announcePing,
  drainNow,
  drainPingQueue,
  type WebhookSync,
} from '@/lib/core-services/airtable/webhooks/pingQueue'
import { openRecheckQueue } from '@/lib/core-services/airtable/webhooks/recheckQueue'
import type { SharedRecords } from '@/lib/core-services/cache/coordination/records'
import { codedError } from '@/lib/shared/errors'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { gatedDrain, type Instance, startInstance } from './pingInstances'

const hook = { baseId: 'app1', webhookId: 'ach1' }
const told = { webhook: 'ach1', base: 'app1' }
const redis = redisForThisFile()

let one: Instance
let other: Instance

beforeEach(async () => {
  await redis.flush()
  one = await startInstance(redis)
  other = await startInstance(redis)
})

/** What the route does with a ping: it is noted before the answer, and worked off after it. */
const ping = async ({ runtime }: Instance, sentAt: number, drain: WebhookSync, of = hook): Promise<void> => {
  if (await announcePing({ ...of, sentAt }, runtime)) await drainPingQueue(of, drain, runtime)
}
const announced = (notes: SharedRecords, sentAt: number) =>
  notes.write('look', 'ach1:announced', [sentAt, 'app1'], 60)
const soon = <T>(read: () => T) => expect.poll(read, { interval: 5 })
const asleep = (instance: Instance, count: number) => soon(() => instance.clock.sleepers).toBe(count)

describe('pings', () => {
  it('a burst of pings in any instances leads to one sync, a moment after the first', async () => {
    const { drain, begun } = gatedDrain()
    const pings = Array.from({ length: 20 }, (_, n) => ping(n % 2 ? one : other, n + 1, drain))
    await soon(() => one.clock.sleepers + other.clock.sleepers).toBe(20)
    for (const instance of [one, other]) instance.clock.advance(299)
    expect(begun).toHaveLength(0)
    for (const instance of [one, other]) instance.clock.advance(1)
    await soon(() => begun.length).toBe(1)
    begun[0]?.resolve()
    await soon(() => one.clock.sleepers + other.clock.sleepers).toBe(19)
    for (const instance of [one, other]) instance.clock.advance(11_000)
    await Promise.all(pings)
    expect(begun).toHaveLength(1)
    expect([...one.events.of('webhook.processed'), ...other.events.of('webhook.processed')]).toMatchObject([
      { ...told, cause: 'ping' },
    ])
  })

  it('pings during a sync lead to one more sync, by the instance that is syncing', async () => {
    const { drain, begun } = gatedDrain()
    const first = ping(one, 1, drain)
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(1)
    const later = [ping(other, 2, drain), ping(other, 3, drain)]
    await asleep(other, 2)
    begun[0]?.resolve()
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(2)
    begun[1]?.resolve()
    await first
    other.clock.advance(11_000)
    await Promise.all(later)
    expect(begun).toHaveLength(2)
    expect(other.events.of('webhook.processed')).toEqual([])
  })

  it('pings during the pause of a table are synced together after it', async () => {
    const begun: number[] = []
    const drain: WebhookSync = async () => {
      begun.push(one.clock.now())
      return { pauseMs: 20_000 }
    }
    const first = ping(one, 1, drain)
    await asleep(one, 1)
    one.clock.advance(300)
    await first
    let waiting = 3
    const later = [2, 3, 4].map((sentAt) => ping(one, sentAt, drain).finally(() => (waiting -= 1)))
    await soon(() => {
      one.clock.advance(200)
      return waiting
    }).toBe(0)
    await Promise.all(later)
    expect(begun).toHaveLength(2)
    expect((begun[1] ?? 0) - (begun[0] ?? 0)).toBeGreaterThanOrEqual(20_000)
    expect(await openRecheckQueue(hook, await one.runtime.sharedRecords()).read()).toMatchObject({
      announced: 4,
      settled: 4,
    })
  })

  it('replayed pings cause no sync', async () => {
    const drain = vi.fn(async () => ({}))
    const first = ping(one, 5, drain)
    await asleep(one, 1)
    one.clock.advance(300)
    await first
    redis.upstash.resetCounters()
    await Promise.all([ping(one, 5, drain), ping(other, 5, drain), ping(other, 4, drain)])
    expect(drain).toHaveBeenCalledTimes(1)
    expect(redis.upstash.counters.commands).toBe(3)
    expect(other.events.of('webhook.pinged')).toEqual([
      { type: 'webhook.pinged', ...told, replayed: true },
      { type: 'webhook.pinged', ...told, replayed: true },
    ])
  })

  it('a ping that is repeated during its sync causes no further sync', async () => {
    const { drain, begun } = gatedDrain()
    const first = ping(one, 5, drain)
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(1)
    const again = ping(other, 5, drain)
    await asleep(other, 1)
    begun[0]?.resolve()
    await first
    other.clock.advance(11_000)
    await again
    expect(begun).toHaveLength(1)
  })

  it('pings of two webhooks are synced at the same time', async () => {
    const { drain, begun } = gatedDrain()
    const pings = ['ach1', 'ach2'].map((webhookId) => ping(one, 1, drain, { baseId: 'app1', webhookId }))
    await asleep(one, 2)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(2)
    for (const gate of begun) gate.resolve()
    await Promise.all(pings)
  })

  it('a ping and its sync cost 8 commands, 12 as billed with the calls in the scripts of the lock', async () => {
    for (const sentAt of [1, 2]) {
      redis.upstash.resetCounters()
      const drained = ping(one, sentAt, async () => ({}))
      await asleep(one, 1)
      one.clock.advance(300)
      await drained
      expect(redis.upstash.counters.byCommand).toEqual({ MGET: 4, SET: 2, EVAL: 2 })
    }
  })
})

describe('a syncing instance', () => {
  it('when a syncing instance dies, the one that waits takes over', async () => {
    const drain = vi.fn(async () => ({}))
    const locks = await one.runtime.locks()
    const held = await locks.acquire('webhook:ach1')
    const waiting = ping(other, 1, drain)
    await asleep(other, 1)
    expect(drain).not.toHaveBeenCalled()
    // What its end does, 10 s after its death.
    await locks.release(held)
    other.clock.advance(11_000)
    await asleep(other, 1)
    other.clock.advance(300)
    await waiting
    expect(drain).toHaveBeenCalledTimes(1)
  })

  it('a slow instance is not overtaken', async () => {
    const drain = vi.fn(async () => ({}))
    await (await one.runtime.locks()).acquire('webhook:ach1')
    const waiting = ping(other, 1, drain)
    await asleep(other, 1)
    other.clock.advance(11_000)
    await waiting
    expect(drain).not.toHaveBeenCalled()
  })

  it('a sync that loses its lock is aborted and repeated when the new holder can have ended', async () => {
    const { drain, begun } = gatedDrain()
    const stopped: boolean[] = []
    const first = ping(one, 1, async (hook, cause, signal) => {
      await drain(hook, cause, signal)
      stopped.push(signal.aborted)
      signal.throwIfAborted()
      return {}
    })
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(1)
    const locks = await other.runtime.locks()
    await redis.flush()
    await announced(await one.runtime.sharedRecords(), 1)
    const taken = await locks.acquire('webhook:ach1')
    one.lockClock.advance(3_400)
    await soon(() => one.events.of('lock.lost').length).toBe(1)
    begun[0]?.resolve()
    await asleep(one, 1)
    await locks.release(taken)
    one.clock.advance(11_000)
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(2)
    begun[1]?.resolve()
    await first
    expect(stopped).toEqual([true, false])
    expect(one.events.of('webhook.failed')).toEqual([])
  })
})

describe('a failed sync', () => {
  const failing = (retryAfter?: number) =>
    vi.fn(() =>
      Promise.reject(
        codedError('AIRTABLE_UNAVAILABLE', 'down', retryAfter === undefined ? {} : { retryAfter }),
      ),
    )
  const failed = { ...told, code: 'AIRTABLE_UNAVAILABLE', message: 'down' }

  it('a failed sync is retried as late as its error says, three times in all', async () => {
    const drain = failing(30)
    const first = ping(one, 1, drain)
    for (const [milliseconds, calls] of [
      [300, 1],
      [30_000, 2],
      [30_000, 3],
    ] as const) {
      await asleep(one, 1)
      one.clock.advance(milliseconds - 1)
      expect(drain).toHaveBeenCalledTimes(calls - 1)
      one.clock.advance(1)
      await soon(() => drain.mock.calls.length).toBe(calls)
    }
    await first
    expect(one.events.of('webhook.failed')).toMatchObject([failed])
  })

  it.each([undefined, 61])('a failed sync is not retried when its error says %s', async (retryAfter) => {
    const drain = failing(retryAfter)
    const first = ping(one, 1, drain)
    await asleep(one, 1)
    one.clock.advance(300)
    await first
    expect(drain).toHaveBeenCalledTimes(1)
    expect(one.events.of('webhook.failed')).toMatchObject([failed])
  })

  it.each([1, 2])(
    'the next ping makes up for a failed sync, also when it is the same ping (sent at %i)',
    async (sentAt) => {
      const failure = ping(one, 1, failing())
      await asleep(one, 1)
      one.clock.advance(300)
      await failure
      const drain = vi.fn(async () => ({}))
      const next = ping(other, sentAt, drain)
      await asleep(other, 1)
      other.clock.advance(300)
      await next
      expect(drain).toHaveBeenCalledTimes(1)
    },
  )
})

describe('the cron', () => {
  it('the cron syncs at once without a ping', async () => {
    const drain = vi.fn(async () => ({}))
    expect(await drainNow(hook, drain, one.runtime)).toBe(true)
    expect(drain.mock.calls).toMatchObject([[hook, 'cron', expect.any(AbortSignal)]])
    expect(one.events.of('webhook.processed')).toMatchObject([{ ...told, cause: 'cron' }])
  })

  it('the cron settles announced pings, and syncs once more for those that came meanwhile', async () => {
    const notes = await one.runtime.sharedRecords()
    await announced(notes, 7)
    const { drain, begun, causes } = gatedDrain()
    const run = drainNow(hook, drain, one.runtime)
    await soon(() => begun.length).toBe(1)
    const later = ping(other, 8, drain)
    await asleep(other, 1)
    begun[0]?.resolve()
    await asleep(one, 1)
    one.clock.advance(300)
    await soon(() => begun.length).toBe(2)
    begun[1]?.resolve()
    expect(await run).toBe(true)
    other.clock.advance(11_000)
    await later
    expect(causes).toEqual(['cron', 'ping'])
    expect(await openRecheckQueue(hook, notes).read()).toMatchObject({
      announced: 8,
      settled: 8,
      rechecks: [],
    })
  })

  it('the cron gives up when another instance syncs for longer than it waits', async () => {
    const drain = vi.fn(async () => ({}))
    await (await other.runtime.locks()).acquire('webhook:ach1')
    const run = drainNow(hook, drain, one.runtime)
    for (let tries = 1; tries <= 20; tries += 1) {
      await soon(() => one.lockClock.sleepers).toBe(1)
      one.lockClock.advance(750)
    }
    expect(await run).toBe(false)
    expect(drain).not.toHaveBeenCalled()
  })

  it('the cron gets the error of a failed sync', async () => {
    const drain = () => Promise.reject(codedError('AIRTABLE_FORBIDDEN', 'no'))
    await expect(drainNow(hook, drain, one.runtime)).rejects.toMatchObject({ code: 'AIRTABLE_FORBIDDEN' })
  })
})

it('without Redis a ping is refused, so that it comes again, and nothing is synced', async () => {
  const drain = vi.fn(async () => ({}))
  await redis.killEngine()
  await expect(ping(one, 1, drain)).rejects.toMatchObject({ code: expect.stringMatching(/^REDIS_/) })
  expect(await drainPingQueue(hook, drain, one.runtime)).toBe(false)
  expect(drain).not.toHaveBeenCalled()
  expect(one.events.of('redis.degraded')).toMatchObject([{ operation: 'webhook' }])
  expect(one.events.all.filter(({ type }) => type.startsWith('webhook'))).toEqual([])
  await redis.reviveEngine()
})
