/**
 * What each operation costs: commands that Upstash bills (the calls inside a script too), commands as they are sent, and
 * the HTTP requests that a caller waits for. Other suites assert values; a cost that changes changes here.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { type FieldProcess, field } from '../kit/fields/fieldProcess'
import { serversForEachTest } from '../kit/fields/fieldServers'
import { redisForThisFile } from '../kit/redis/redisSuite'

const redis = redisForThisFile()
const servers = serversForEachTest(redis)
const { read, pass, costOf } = servers

const tagged = { tags: ['people', 'sales', 'madrid'] }
/** The configured field. */
const agents = (rest: Partial<FieldCacheConfig<number>> = {}) => field(async () => 1, { ...tagged, ...rest })
const manyTags = { tags: Array.from({ length: 900 }, (_, index) => `tag:${index}`) }
const member = () => agents({ name: 'support-cases', key: 'support:cases:42' })
const page = () => Array.from({ length: 20 }, (_, index) => agents({ key: `field:${index}` }))
/** A field whose value tells what it is made of. */
const catalog = (products: readonly number[], rest: Partial<FieldCacheConfig<readonly number[]>> = {}) =>
  field<readonly number[]>(async () => products, {
    tags: ['catalog'],
    dependsOn: (list) => list.map((product) => `product:${product}`),
    ...rest,
  })
const catalogs = () =>
  Array.from({ length: 20 }, (_, index) => catalog([index, index + 1], { key: `page:${index}` }))

const readAll = async (configs: readonly FieldCacheConfig<unknown>[], server = servers.here) =>
  new Set((await Promise.all(configs.map((config) => read(config, server)))).map(({ status }) => status))
const keys = Array.from({ length: 100 }, (_, index) => `user:${index}`)
const getUsers = (server = servers.here) =>
  createCacheAside(() => server.runtime).batchGet(keys, async (missing) => missing)

interface Cost {
  operation: string
  cost: readonly [commands: number, requests: number]
  /** With the calls inside scripts. @default the commands as they are sent */
  billed?: number
  /** How often each command is sent. */
  byCommand?: Record<string, number>
  prepare?(): Promise<unknown>
  run(): Promise<unknown>
  /** What the answer was for certain: a status, or a set of them. */
  answers?: unknown
}

const reads: Cost[] = [
  {
    operation: 'the very first miss, under any number of tags',
    cost: [4, 3],
    run: () => read(agents()),
  },
  {
    operation: 'the very first miss of a member of a family',
    cost: [5, 3],
    byCommand: { MGET: 1, MSETNX: 1, SET: 3 },
    run: () => read(member()),
  },
  {
    operation: '100 cold reads at once',
    cost: [4, 3],
    run: () => Promise.all(Array.from({ length: 100 }, () => read(agents()))),
  },
  {
    operation: 'an ordinary miss',
    cost: [3, 3],
    async prepare() {
      await read(agents())
      pass(100)
    },
    run: () => read(agents()),
  },
  {
    operation: 'an ordinary miss of a member of a family',
    cost: [3, 3],
    async prepare() {
      await read(member())
      pass(61)
    },
    run: () => read(member()),
  },
  {
    operation: 'a hit under any number of tags',
    cost: [1, 1],
    prepare: () => read(agents(manyTags)),
    run: () => read(agents(manyTags)),
  },
  {
    operation: 'a hit of a member of a family',
    cost: [1, 1],
    prepare: () => read(member()),
    run: () => read(member()),
  },
  {
    operation: 'a hit of an encrypted field',
    cost: [1, 1],
    async prepare() {
      const key = new Uint8Array(32).fill(1)
      sealed.here = await servers.start({ encryptionKeys: [key] })
      sealed.there = await servers.start({ encryptionKeys: [key] })
      await read(agents({ advanced: { encrypt: true } }), sealed.here)
    },
    run: () => read(agents({ advanced: { encrypt: true } }), sealed.there),
  },
  {
    operation: 'a hit in a process that does not know the tags of the entry',
    cost: [2, 2],
    prepare: () => read(agents(manyTags)),
    run: () => read(agents({ tags: [] }), servers.there),
  },
  {
    operation: 'a hit in a process that has come to know the tags of the entry',
    cost: [1, 1],
    async prepare() {
      await read(agents(manyTags))
      await read(agents({ tags: [] }), servers.there)
    },
    run: () => read(agents({ tags: [] }), servers.there),
  },
  {
    operation: '20 warm fields of one page',
    cost: [1, 1],
    prepare: () => readAll(page()),
    run: () => readAll(page()),
    answers: new Set(['hit']),
  },
  {
    operation: 'an answer from memory',
    cost: [0, 0],
    prepare: () => read(agents({ memoryTtl: 10 })),
    run: () => read(agents({ memoryTtl: 10 })),
  },
  {
    operation: 'a copy in memory past its memoryTtl, still current',
    cost: [1, 1],
    async prepare() {
      await read(agents({ memoryTtl: 10 }))
      pass(11)
    },
    run: () => read(agents({ memoryTtl: 10 })),
  },
  {
    operation: 'a stale hit',
    cost: [1, 1],
    async prepare() {
      await read(agents({ staleWhileRevalidate: 600 }))
      pass(100)
    },
    run: () => read(agents({ staleWhileRevalidate: 600 })),
  },
  {
    operation: 'the refresh after a stale hit',
    cost: [2, 2],
    async prepare() {
      await read(agents({ staleWhileRevalidate: 600 }))
      pass(100)
      await read(agents({ staleWhileRevalidate: 600 }))
    },
    run: () => servers.finishDeferredWork(),
  },
  {
    operation: 'a forced refresh',
    billed: 5,
    byCommand: { MGET: 1, EVAL: 1 },
    cost: [2, 2],
    prepare: () => read(agents()),
    run: () => read(agents(), servers.here, 'always'),
  },
  {
    operation: 'an invalidation of any number of tags',
    cost: [1, 1],
    prepare: () => readAll(page()),
    run: () => invalidateTags(['people', 'sales'], servers.here.runtime),
  },
]

const dependencies: Cost[] = [
  {
    operation: 'a hit whose dependencies the process has seen',
    cost: [1, 1],
    prepare: () => read(catalog([1, 2, 3])),
    run: () => read(catalog([1, 2, 3])),
  },
  {
    operation: 'a hit whose dependencies the process has never seen',
    cost: [2, 2],
    prepare: () => read(catalog([1, 2, 3])),
    run: () => read(catalog([1, 2, 3]), servers.there),
  },
  {
    operation: 'the next hit in a process that had never seen the dependencies',
    cost: [1, 1],
    async prepare() {
      await read(catalog([1, 2, 3]))
      await read(catalog([1, 2, 3]), servers.there)
    },
    run: () => read(catalog([1, 2, 3]), servers.there),
  },
  {
    operation: 'a miss whose dependencies are known',
    cost: [3, 3],
    async prepare() {
      await read(catalog([1, 2, 3]))
      pass(61)
    },
    run: () => read(catalog([1, 2, 3])),
  },
  {
    operation: 'a miss with a new dependency whose token exists',
    cost: [4, 4],
    async prepare() {
      await read(catalog([1, 2]))
      await read(catalog([7], { key: 'other_page' }))
      pass(61)
    },
    run: () => read(catalog([1, 2, 7])),
  },
  {
    operation: 'a miss with a new dependency whose token was never created',
    cost: [6, 5],
    async prepare() {
      await read(catalog([1, 2, 7]))
      pass(61)
    },
    run: () => read(catalog([1, 2, 7, 8])),
  },
  {
    operation: '20 warm fields with dependencies of one page',
    cost: [1, 1],
    async prepare() {
      for (const config of catalogs()) await read(config)
    },
    run: () => Promise.all(catalogs().map((config) => read(config))),
  },
  {
    operation: 'an invalidation of many dependencies',
    cost: [1, 1],
    run: () => invalidateTags(['product:1', 'product:2', 'product:3', 'product:4'], servers.here.runtime),
  },
]

const cache = () => servers.here.cache
const setPlain = () => cache().set('plain', 1)
const plainKeys: Cost[] = [
  {
    operation: 'get of a plain key',
    cost: [1, 1],
    prepare: setPlain,
    run: () => cache().get('plain'),
  },
  {
    operation: 'mget of plain keys',
    cost: [1, 1],
    prepare: setPlain,
    run: () => cache().mget('plain', 'absent'),
  },
  { operation: 'exists', cost: [1, 1], run: () => cache().exists('absent') },
  {
    operation: 'get of the key of a field',
    cost: [2, 2],
    prepare: () => read(agents()),
    run: () => cache().get(agents().key),
  },
  { operation: 'set of a plain key', cost: [2, 1], run: setPlain },
  {
    operation: 'mset of plain keys',
    cost: [2, 1],
    run: () => cache().mset({ plain: 1, more: 2 }),
  },
  {
    operation: 'set of a plain key in a pipeline',
    cost: [2, 1],
    prepare: setPlain,
    run: () => cache().pipeline((commands) => [commands.set('plain', 1)]),
  },
  {
    operation: 'expire of a plain key',
    cost: [2, 1],
    prepare: setPlain,
    run: () => cache().expire('plain', 5),
  },
  {
    operation: 'batchGet of 100 keys that are all there',
    cost: [1, 1],
    prepare: () => getUsers(),
    run: () => getUsers(servers.there),
    answers: keys,
  },
]

const sealed = {} as Record<'here' | 'there', FieldProcess>

// The own token of a field that is configured lasts; that of a member of a family expires, which costs a command once.
beforeEach(() => defineFields([agents()]))

describe.each([
  ['a field', reads],
  ['a field with dependencies', dependencies],
  ['the commands of the app', plainKeys],
])('the cost of %s', (_, costs) => {
  const rows = costs.map((cost) => [cost.operation, ...cost.cost, cost] as const)

  it.each(rows)('%s: commands %i, requests %i', async (_operation, commands, requests, row) => {
    const { prepare, run, billed = commands, byCommand, answers } = row
    await prepare?.()
    const processes = [servers.here, servers.there, ...Object.values(sealed)]
    for (const { events } of processes) events.all.length = 0
    let answer: unknown
    const cost = await costOf(async () => {
      answer = await run()
    })
    const charged = processes
      .flatMap(({ events }) => events.of('redis.requested'))
      .reduce((sum, request) => sum + request.commands, 0)
    expect({ commands: cost.commands, requests: cost.requests, billed: charged }).toEqual({
      commands,
      requests,
      billed,
    })
    if (byCommand) expect(redis.upstash.counters.byCommand).toEqual(byCommand)
    if (answers !== undefined) expect(answer).toEqual(answers)
  })
})
