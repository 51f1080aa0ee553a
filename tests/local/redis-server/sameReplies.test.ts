import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisEngine, startEngine } from '@/local/engine'
import { startUpstashServer, type UpstashServer } from '@/local/upstash/server'
import { rest } from '@/tests/kit/redis/testRedis'
import { fetchAnswer, send } from './compare'
import { knownDifferences } from './knownDifferences'
import { projectScripts } from './projectScripts'
import { randomRequests } from './randomRequests'

const TOKEN = 'token'
const RUNS = 400
/** Fixed, so that a failure can be repeated. */
const SEED = 20_260_101

const engines: RedisEngine[] = []
const servers: UpstashServer[] = []

beforeAll(async () => {
  for (const kind of ['embedded', 'redis-server'] as const) {
    const engine = await startEngine({ kind })
    engines.push(engine)
    servers.push(await startUpstashServer({ redisUrl: engine.url, token: TOKEN }))
  }
})
afterAll(async () => {
  for (const server of servers) await server.close()
  for (const engine of engines) await engine.stop()
})

/** The same of both servers, the embedded engine's first. */
const ofBoth = <T>(ask: (server: UpstashServer) => Promise<T>): Promise<T[]> => Promise.all(servers.map(ask))
const flush = () => ofBoth((server) => rest(server, '/flushall'))

beforeEach(async () => {
  await flush()
})

describe('js-redis-server and redis-server', () => {
  it('js-redis-server and redis-server answer random requests alike', async () => {
    const seen = new Set<unknown>()
    await fc.assert(
      fc.asyncProperty(randomRequests, async (requests) => {
        await flush()
        for (const request of requests) {
          const [embedded, real] = await ofBoth((server) => fetchAnswer(server, request))
          expect(embedded).toEqual(real)
          for (const [name] of request.commands) seen.add(String(name).toUpperCase())
        }
      }),
      { numRuns: RUNS, seed: SEED },
    )
    // A property proves nothing about what never happened.
    expect(seen.size).toBeGreaterThan(45)
  }, 300_000)

  it('js-redis-server and redis-server run the scripts of the project alike', () => {
    expect(projectScripts).toHaveLength(4)
    expect(projectScripts.join('\n')).toMatch(/'MGET'[\s\S]*'INCR'[\s\S]*'PEXPIRE'[\s\S]*'DEL'/)
  })
})

describe('of the known differences it is still true that', () => {
  it.each(knownDifferences)('$what, as $why', async ({ requests, embedded, redisServer }) => {
    const [one, other] = await ofBoth(async (server) => {
      let answer: unknown
      for (const request of requests) ({ body: answer } = await send(server, request))
      return JSON.stringify(answer)
    })
    expect(one).toMatch(embedded)
    expect(one).not.toMatch(redisServer)
    expect(other).toMatch(redisServer)
    expect(other).not.toMatch(embedded)
  })
})
