import { expect, it } from 'vitest'
import type { AnyField } from '@/lib/core-services/cache/fields/fieldConfig'
import { beginRefresh, beginRefreshOfAll } from '@/lib/core-services/cache/operations/manualRefresh'
import {
  ALL,
  type AllRun,
  type FieldRun,
  isUnderWay,
  lastRun,
  recordName,
  toFieldSubject,
} from '@/lib/core-services/cache/operations/refreshLog'
import type { WatchRuntime } from '@/lib/core-services/cache/operations/watchRuntime'
import { deferred } from '../../kit/clock/deferred'
import { field } from '../../kit/fields/fieldProcess'
import { serversForEachTest } from '../../kit/fields/fieldServers'
import { redisForThisFile } from '../../kit/redis/redisSuite'

interface Watcher {
  runtime: WatchRuntime
}

const redis = redisForThisFile()
const servers = serversForEachTest(redis)

const named = (name: string, fetcher: () => Promise<unknown>): AnyField => ({
  ...field<unknown>(fetcher),
  name,
  key: `${name}_key`,
})
const begin = (one: AnyField, server = servers.here) => beginRefresh(server.runtime, one, 60_000)

/** What the other server knows of it. */
async function noted(one: AnyField, { runtime }: Watcher = servers.there): Promise<FieldRun | null> {
  const name = recordName(await runtime.sharedRecords(), toFieldSubject(one.key))
  return lastRun(runtime, toFieldSubject(one.key), (await (await runtime.store()).read([name])).get(name))
}
async function notedAll({ runtime }: Watcher = servers.there): Promise<AllRun | null> {
  const name = recordName(await runtime.sharedRecords(), ALL)
  return lastRun(runtime, ALL, (await (await runtime.store()).read([name])).get(name))
}
const underWay = (run: FieldRun | AllRun | null) =>
  run !== null && isUnderWay(run, servers.there.runtime.ports.clock.now())

it('a refresh by hand answers before it is done, and every instance sees its progress and its result', async () => {
  const gate = deferred<unknown>()
  const slow = named('slow', () => gate.promise)
  expect(await begin(slow)).toBe('begun')
  const working = servers.finishDeferredWork()
  expect(underWay(await noted(slow))).toBe(true)
  gate.resolve([1, 2, 3])
  await working
  const run = await noted(slow)
  expect(run).toMatchObject({ outcome: 'refreshed', items: 3, failure: null, endedAt: expect.any(Number) })
  expect(underWay(run)).toBe(false)
  expect((await servers.read(slow, servers.there)).data).toEqual([1, 2, 3])
})

it('a refresh by hand that fails shows code, message and remedy by its cause, and leaves the old value alone', async () => {
  const fails = named('fails', async () => 'old')
  await servers.read(fails, servers.here)
  servers.here.runtime.clean = (text) => text.replaceAll('secret', '[…]')
  const failing = { ...fails, fetcher: () => Promise.reject(new Error('the reason is secret')) }
  await begin(failing)
  await servers.finishDeferredWork()
  expect(await noted(fails)).toMatchObject({
    outcome: 'failed',
    failure: { code: 'SOURCE_FAILED', message: expect.stringContaining('the reason is […]') },
  })
  expect((await servers.read(fails, servers.there)).data).toBe('old')
})

it('a refresh by hand that fails keeps the time of the last one that succeeded', async () => {
  const list = named('list', async () => [1, 2])
  await begin(list)
  await servers.finishDeferredWork()
  for (let count = 0; count < 2; count += 1) {
    await begin({ ...list, fetcher: () => Promise.reject(new Error('down')) })
    await servers.finishDeferredWork()
  }
  expect(await noted(list)).toMatchObject({ outcome: 'failed', before: { items: 2, bytes: 5 } })
})

it('a refresh by hand runs once per field in all instances, and again once it is done', async () => {
  const gate = deferred<unknown>()
  let calls = 0
  const slow = named('slow', () => {
    calls += 1
    return gate.promise
  })
  expect([await begin(slow), await begin(slow), await begin(slow, servers.there)]).toEqual([
    'begun',
    'under-way',
    'under-way',
  ])
  gate.resolve('value')
  await servers.finishDeferredWork()
  expect(calls).toBe(1)
  expect(await begin(slow, servers.there)).toBe('begun')
  await servers.finishDeferredWork()
  expect(calls).toBe(2)
})

it('a refresh by hand whose process has died counts as cut off after a while, and can be started anew', async () => {
  const lost = named('lost', async () => 'value')
  await begin(lost)
  servers.pass(24)
  expect(underWay(await noted(lost))).toBe(true)
  servers.pass(2)
  expect(await noted(lost)).toMatchObject({ outcome: null, endedAt: null })
  expect(underWay(await noted(lost))).toBe(false)
  // Redis has a clock of its own, which no test moves.
  await redis.flush()
  expect(await begin(lost, servers.there)).toBe('begun')
})

it('a refresh of all fields runs them one after the other, also when one fails, and shows its progress', async () => {
  const order: string[] = []
  const gate = deferred<unknown>()
  const make = (name: string, result: () => Promise<unknown>) =>
    named(name, () => {
      order.push(name)
      return result()
    })
  const fields = [
    make('a', async () => 1),
    make('b', () => Promise.reject(new Error('down'))),
    make('c', () => gate.promise),
  ]
  expect(await beginRefreshOfAll(servers.here.runtime, fields, 60_000)).toBe('begun')
  expect(await beginRefreshOfAll(servers.there.runtime, fields, 60_000)).toBe('under-way')
  const working = servers.finishDeferredWork()
  await expect.poll(async () => (await notedAll())?.current, { interval: 10 }).toBe('c')
  expect(await notedAll()).toMatchObject({
    names: ['a', 'b', 'c'],
    outcomes: { a: 'refreshed', b: 'failed' },
    endedAt: null,
  })
  gate.resolve(1)
  await working
  expect(order).toEqual(['a', 'b', 'c'])
  expect(await notedAll()).toMatchObject({
    outcomes: { a: 'refreshed', b: 'failed', c: 'refreshed' },
    current: null,
    endedAt: expect.any(Number),
  })
  expect(await noted(fields[1] as AnyField)).toMatchObject({ outcome: 'failed' })
})

it('a refresh of all fields leaves out those that are being refreshed, and those that could not end in time', async () => {
  const gate = deferred<unknown>()
  const [busy, slow, late] = [
    named('busy', () => gate.promise),
    named('slow', async () => servers.pass(57)),
    named('late', async () => 1),
  ]
  await begin(busy)
  await beginRefreshOfAll(servers.here.runtime, [busy, slow, late], 60_000)
  const working = servers.finishDeferredWork()
  await expect.poll(async () => (await notedAll())?.endedAt ?? null, { interval: 10 }).not.toBe(null)
  expect((await notedAll())?.outcomes).toEqual({ busy: 'busy', slow: 'failed', late: 'left' })
  gate.resolve(1)
  await working
})

it('a refresh of all fields begins with those that the last one had no time for, in any instance', async () => {
  const order: string[] = []
  const make = (name: string) =>
    named(name, async () => {
      order.push(name)
      servers.pass(4)
    })
  const fields = ['a', 'b', 'c', 'd'].map(make)
  const runAll = async ({ runtime }: typeof servers.here) => {
    await beginRefreshOfAll(runtime, fields, 10_000)
    await servers.finishDeferredWork()
    return order.splice(0).join(' ')
  }
  expect(await runAll(servers.here)).toBe('a b')
  expect(await runAll(servers.there)).toBe('c d')
  expect(await runAll(servers.here)).toBe('a b')
})

it('a refresh by hand continues a source that takes several refreshes to read, and shows its progress', async () => {
  const gates = [deferred<unknown>(), deferred<unknown>()]
  const long: AnyField = {
    ...named('long', async () => null),
    fetcher: async ({ resume, pause }) => {
      const part = Number(await resume())
      await gates[part]?.promise
      return part < 2 ? pause(String(part + 1), `${part + 1} of 3 parts`) : ['all']
    },
  }
  await begin(long)
  const working = servers.finishDeferredWork()
  gates[0]?.resolve(null)
  await expect.poll(async () => (await noted(long))?.progress, { interval: 10 }).toBe('1 of 3 parts')
  gates[1]?.resolve(null)
  await working
  expect(await noted(long)).toMatchObject({ outcome: 'refreshed', items: 1 })
})

it('a refresh by hand works without Redis: only its process knows of it, and it says that nothing was stored', async () => {
  const one = named('one', async () => 'value')
  await redis.killEngine()
  expect(await begin(one)).toBe('begun')
  expect(await begin(one)).toBe('under-way')
  await servers.finishDeferredWork()
  expect(lastRun(servers.here.runtime, toFieldSubject(one.key), null)).toMatchObject({
    outcome: 'unstored',
    failure: { code: 'CACHE_UNAVAILABLE' },
  })
  await redis.reviveEngine()
})
