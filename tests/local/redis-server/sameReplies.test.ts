import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisEngine, startEngine } from '@/local/engine'
import { startUpstashServer, type UpstashServer } from '@/local/upstash/server'
import { rest } from '@/tests/support/testRedis'
import { answerOf } from './compare'
import { randomRequests } from './randomRequests'

const engines: RedisEngine[] = []
const servers: UpstashServer[] = []

async function start(kind: 'embedded' | 'redis-server'): Promise<UpstashServer> {
  const engine = await startEngine({ kind })
  engines.push(engine)
  const server = await startUpstashServer({ redisUrl: engine.url, token: 'token' })
  servers.push(server)
  return server
}

let embedded: UpstashServer
let real: UpstashServer
beforeAll(async () => {
  embedded = await start('embedded')
  real = await start('redis-server')
})
afterAll(async () => {
  for (const server of servers) await server.close()
  for (const engine of engines) await engine.stop()
})

describe('on js-redis-server and on redis-server', () => {
  it('random requests get the same answers', async () => {
    await fc.assert(
      fc.asyncProperty(randomRequests, async (requests) => {
        await Promise.all([embedded, real].map((server) => rest(server, '/flushall')))
        for (const request of requests) {
          const [one, other] = await Promise.all([embedded, real].map((server) => answerOf(server, request)))
          expect(one).toEqual(other)
        }
      }),
      {
        numRuns: Number(process.env.RUNS ?? 300),
        ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}),
      },
    )
  }, 600_000)
})
