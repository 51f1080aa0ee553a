import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN, type Backends, startBackends } from './support/backends'
import { type NextProcess, startNext } from './support/nextProcess'

let backends: Backends
let app: NextProcess

beforeAll(async () => {
  backends = await startBackends()
  app = await startNext({
    ...backends.env,
    // Without the memory of the process, so that it is Redis that is seen to fail and to come back.
    CACHE_MEMORY_MAX_BYTES: '0',
    // A cold server that gets 100 requests at once is busy for longer than a request to Redis may take by default.
    CACHE_COMMAND_TIMEOUT_MS: '2000',
    // What is counted is told to Redis now and then: here the commands of reads are counted.
    CACHE_METRICS_ENABLED: 'false',
  })
})
afterAll(async () => {
  await app.stop()
  await backends.stop()
})
beforeEach(() => backends.redis.flush())

async function agents(query = ''): Promise<{ status: number; cache: string | null; text: string }> {
  const response = await fetch(`${app.url}/api/airtable/agents${query}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  return {
    status: response.status,
    cache: response.headers.get('x-field-cache'),
    text: await response.text(),
  }
}

describe('the production server', () => {
  it('answers a miss, then hits of one command each, with the same bytes', async () => {
    const miss = await agents()
    backends.redis.upstash.resetCounters()
    const hit = await agents()
    expect([miss.cache, hit.cache]).toEqual(['miss', 'hit'])
    expect(hit.text).toBe(miss.text)
    // What the miss has left for after its answer are scripts: of the request budget and of the metrics.
    const { EVAL: _, ...ofTheHit } = backends.redis.upstash.counters.byCommand
    expect(ofTheHit).toEqual({ MGET: 1 })
  })

  it('makes one read of the source out of 100 concurrent cold requests', async () => {
    backends.airtable.resetCounters()
    const answers = await Promise.all(Array.from({ length: 100 }, () => agents()))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(backends.airtable.counters.requests).toBe(3)
  })

  it('goes on answering while Redis is down, and caches again when it is back', async () => {
    const before = await agents()
    await backends.redis.killEngine()
    const during = await Promise.all(Array.from({ length: 10 }, () => agents()))
    expect(during.map(({ status, text }) => [status, text === before.text])).toEqual(
      Array.from({ length: 10 }, () => [200, true]),
    )
    // One fetches; who joins a fetch that had begun without Redis is told so.
    expect(during.map(({ cache }) => cache)).toContain('miss')
    expect(during.filter(({ cache }) => cache !== 'miss' && cache !== 'degraded')).toEqual([])
    await backends.redis.reviveEngine()
    await expect.poll(async () => (await agents()).cache, { timeout: 20_000 }).toBe('hit')
  })

  it('keeps serving the old list when a forced refresh fails', async () => {
    const before = await agents()
    const broken = await startNext({ ...backends.env, AIRTABLE_ENDPOINT_URL: 'http://127.0.0.1:1' })
    const force = await fetch(`${broken.url}/api/airtable/agents?forceRefresh=true`)
    expect(force.status).toBe(502)
    const plain = await fetch(`${broken.url}/api/airtable/agents`)
    expect([plain.status, plain.headers.get('x-field-cache'), await plain.text()]).toEqual([
      200,
      'hit',
      before.text,
    ])
    await broken.stop()
  })
})
