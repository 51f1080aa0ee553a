import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backends, startBackends } from './support/backends'
import { startNext } from './support/nextProcess'

let backends: Backends
beforeAll(async () => {
  backends = await startBackends()
})
afterAll(() => backends.stop())

function without(...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(backends.env).filter(([name]) => !names.includes(name)))
}

describe('npm start', () => {
  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'a wrong token',
      () => ({ ...backends.env, UPSTASH_REDIS_REST_TOKEN: 'wrong' }),
      /Redis refused the token in UPSTASH_REDIS_REST_TOKEN\s+Copy the REST token/,
    ],
    [
      'half a pair',
      () => without('UPSTASH_REDIS_REST_TOKEN'),
      /UPSTASH_REDIS_REST_TOKEN is not set: .* belong together/,
    ],
    [
      'no pair',
      () => without('UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'),
      /UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN \(or KV_REST_API_URL and KV_REST_API_TOKEN\) are not set/,
    ],
    [
      'an unreachable host',
      () => ({ ...backends.env, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' }),
      /Nothing usable answers at 127\.0\.0\.1:1 .*\s+Check the URL in UPSTASH_REDIS_REST_URL/,
    ],
    [
      'no Airtable',
      () => without('AIRTABLE_API_KEY', 'AIRTABLE_RRHH_BASE_ID'),
      /AIRTABLE_API_KEY is not set: .*\s+- AIRTABLE_RRHH_BASE_ID is not set/,
    ],
    [
      'a weak secret',
      () => ({ ...backends.env, ADMIN_TOKEN: 'short' }),
      /ADMIN_TOKEN has fewer than 16 characters: use openssl/,
    ],
  ])('ends with a message that names the mend, given %s', async (_, env, message) => {
    const app = await startNext(env())
    expect(await app.ended).toBe(1)
    expect(app.output()).toMatch(message)
    expect(app.output()).not.toContain(backends.redis.token)
  })

  it('serves what can be fetched with CACHE_FAIL_FAST=false, and caches once Redis can be reached', async () => {
    await backends.redis.killEngine()
    const app = await startNext({ ...backends.env, CACHE_FAIL_FAST: 'false' })
    const read = async () => (await fetch(`${app.url}/api/airtable/agents`)).headers.get('x-field-cache')
    expect(await read()).toBe('miss')
    await backends.redis.reviveEngine()
    await expect.poll(read, { timeout: 20_000 }).toBe('hit')
    await app.stop()
  })

  it('takes the pair of the Vercel integration', async () => {
    const { UPSTASH_REDIS_REST_URL: url = '', UPSTASH_REDIS_REST_TOKEN: token = '', ...rest } = backends.env
    const app = await startNext({ ...rest, KV_REST_API_URL: url, KV_REST_API_TOKEN: token })
    expect((await fetch(`${app.url}/api/health`)).status).toBe(200)
    await app.stop()
  })
})
