import { beforeEach, describe, expect, it } from 'vitest'
import { createLockStore } from '@/lib/core-services/cache/coordination/lockStore'
import { createLocks } from '@/lib/core-services/cache/coordination/locks'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { createFieldStore, type FieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { billedCommands } from '@/lib/core-services/cache/redis/billing'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { type Send, sendSingly } from '@/lib/core-services/cache/redis/pipeline'
import { createTransport } from '@/lib/core-services/cache/redis/transport/transport'
import { emptyCounts } from '@/lib/core-services/metrics/counts'
import { createMetricsStore } from '@/lib/core-services/metrics/metricsStore'
import { defaultPorts } from '@/lib/shared/ports'
import { settings } from '../kit/fields/cache'
import { field } from '../kit/fields/fieldProcess'
import { serversForEachTest } from '../kit/fields/fieldServers'
import { redisForThisFile } from '../kit/redis/redisSuite'

const redis = redisForThisFile()

describe('the Redis cost of a field', () => {
  const servers = serversForEachTest(redis)
  const source = async () => ['Ann', 'Bob']

  /** Commands by field as its events report them, and as the server counted them; `billed` includes calls in scripts. */
  async function chargedFor(run: () => Promise<unknown>) {
    const { events } = servers.here
    events.all.length = 0
    const { commands } = await servers.costOf(async () => {
      await run()
      await servers.finishDeferredWork()
    })
    const charged: Record<string, number> = {}
    for (const event of events.of('field.charged'))
      charged[event.field] = (charged[event.field] ?? 0) + event.commands
    const billed = events.of('redis.requested').reduce((sum, request) => sum + request.commands, 0)
    return { charged, billed, commands }
  }

  it('a field is charged every command of a first miss, a hit, a stale read, a miss and a forced read', async () => {
    const config = field(source, { tags: ['people'], staleWhileRevalidate: 60 })
    const read = () => servers.read(config)
    expect(await chargedFor(read)).toEqual({ charged: { agents: 5 }, billed: 5, commands: 5 })
    expect(await chargedFor(read)).toEqual({ charged: { agents: 1 }, billed: 1, commands: 1 })
    servers.pass(70)
    expect(await chargedFor(read)).toEqual({ charged: { agents: 3 }, billed: 3, commands: 3 })
    servers.pass(200)
    expect(await chargedFor(read)).toEqual({ charged: { agents: 3 }, billed: 3, commands: 3 })
    // Two commands for the server; one of them is a script with three calls inside.
    const forced = await chargedFor(() => servers.read(config, servers.here, 'always'))
    expect(forced).toEqual({ charged: { agents: 5 }, billed: 5, commands: 2 })
  })

  it('a field is also charged for failures, and for the claim of a caller who may not force', async () => {
    const config = field(() => Promise.reject(new Error('down')), { anonymousForce: 60 })
    const fail = () => servers.read(config, servers.here, 'anonymous').catch(() => undefined)
    const { charged, billed, commands } = await chargedFor(fail)
    expect([charged.agents, billed]).toEqual([commands, commands])
  })

  it('fields that are read in one tick share the cost of their command', async () => {
    const configs = ['one', 'two', 'three'].map((name) => field(source, { name, key: name }))
    const read = () => Promise.all(configs.map((config) => servers.read(config)))
    await read()
    const { charged, billed, commands } = await chargedFor(read)
    expect([billed, commands]).toEqual([1, 1])
    for (const { name } of configs) expect(charged[name]).toBeCloseTo(1 / 3)
  })

  it('a field is charged the bytes that it reads and writes', async () => {
    const config: FieldCacheConfig<string> = field(async () => 'ä'.repeat(2_000), {
      advanced: { compression: false },
    })
    await servers.read(config)
    await servers.read(config, servers.there)
    const written = servers.here.events
      .of('field.charged')
      .reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
    const read = servers.there.events.of('field.charged').reduce((sum, { bytesRead }) => sum + bytesRead, 0)
    expect(written).toBeGreaterThan(4_000)
    expect(read).toBeGreaterThan(4_000)
    const sent = servers.here.events.of('redis.requested').reduce((sum, { bytesSent }) => sum + bytesSent, 0)
    expect(written).toBeLessThan(sent)
  })
})

describe('scripts and the calls inside them', () => {
  const keys = createKeySpace({ prefix: 'test', version: 'v1', maxLength: 250 })
  let send: Send
  /** The cost that we count for a command, and the true one. */
  let counted: { billed: number; truth: number }[]

  /** The same script, which also returns how many calls it made. */
  const counting = (script: string) =>
    `local calls = 0
local function call(...) calls = calls + 1 return redis.call(...) end
local reply = (function() ${script.replace(/^#!.*\n/, '').replaceAll('redis.call(', 'call(')}
end)()
return {reply, calls}`

  beforeEach(async () => {
    await redis.flush()
    counted = []
    const transport = createTransport(
      { ...settings, url: redis.url, token: redis.token, timeoutMs: 5_000, retries: 0, slowMs: 60_000 },
      defaultPorts,
    )
    const plain = sendSingly(transport)
    send = async (command, script, ...args) => {
      if (command !== 'EVAL') return plain(command, ...(script === undefined ? [] : [script]), ...args)
      const reply = await plain(command, counting(String(script)), ...args)
      const [result = null, calls] = reply as [never, number]
      counted.push({ billed: billedCommands([[command, script, ...args]], [result]), truth: 1 + calls })
      return result
    }
  })

  it('a forced write is billed rightly when stored, and when refused because a token has changed', async () => {
    const store: FieldStore = createFieldStore(send, async () => [], 100, keys, defaultPorts)
    const name = store.names.guard('key:a')
    const write = (expected: string, own: string) =>
      store.writeForced({
        entry: 'entry',
        text: '{}',
        ttl: 60,
        expected: [[name, expected]],
        own: { token: own },
      })
    await send('SET', name, 'first')
    expect([await write('first', 'second'), await write('first', 'third')]).toEqual([true, false])
    expect(counted).toEqual([
      { billed: 4, truth: 4 },
      { billed: 2, truth: 2 },
    ])
  })

  it('locks are billed rightly when taken, refused, extended, released and lost', async () => {
    const locks = createLocks(
      createLockStore(send, keys),
      keys,
      { ...settings.lock, retryCount: 0 },
      defaultPorts,
    )
    // The very first fencing token costs one more, which its answer does not tell.
    await locks.release(await locks.acquire('first'))
    counted = []
    const lock = await locks.acquire('a')
    await locks.acquire('a').catch(() => undefined)
    const both = await locks.acquireMany(['b', 'c'])
    await locks.extend(both)
    await locks.release(both)
    await locks.extend(both)
    await locks.release(both)
    await locks.release(lock)
    expect(counted.map(({ truth }) => truth)).toEqual([3, 2, 4, 4, 3, 2, 2, 3])
    expect(counted.map(({ billed }) => billed)).toEqual([3, 2, 4, 4, 3, 2, 2, 3])
  })

  it('a report of metrics is billed rightly for the first batch of an hour, the next, and one that is sent twice', async () => {
    const store = createMetricsStore({ send, keys })
    const counts = { ...emptyCounts(), sums: new Map([['a', 1]]) }
    const self = { id: 'me', startedAt: 0, breaker: 'closed', locks: 0 } as const
    for (const number of [1, 2, 2]) await store.add({ number, counts }, self, 0)
    expect(counted).toEqual([
      { billed: 4, truth: 4 },
      { billed: 3, truth: 3 },
      { billed: 2, truth: 2 },
    ])
  })

  it('a script without a description is billed by the calls in its text', () => {
    const script = "redis.call('SET', KEYS[1], 1)\nreturn redis.call('GET', KEYS[1])"
    expect(
      billedCommands([
        ['EVAL', script, 1, 'a'],
        ['GET', 'a'],
        ['eval_ro', script, 1, 'a'],
      ]),
    ).toBe(7)
  })
})
