import { subscribe } from 'node:diagnostics_channel'
import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { boot } from '@/lib/boot'
import type { Force } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { problemResponse } from '@/lib/http/problem'
import { withRequestId } from '@/lib/http/withRequestId'
import { processPorts } from '@/lib/shared/ports'
import { alarmClock } from '@/lib/testing/clock'
import { type FieldProcess, startFieldProcess, testSettings } from '@/lib/testing/fieldProcess'
import { createMemoryUpstash, type MemoryUpstash } from '@/lib/testing/memoryUpstash'
import { field } from '../kit/fields/fieldProcess'

/** Each of them says by its name where it came from, should it be found. */
const canary = {
  value: 'Ana-Canary-Value',
  redisToken: 'canary-of-the-redis-token',
  apiKey: 'patCanaryOfAirtable.0123456789',
  adminToken: 'canary-of-the-admin-token',
  cronSecret: 'canary-of-the-cron-secret',
  webhookSecret: 'Y2FuYXJ5/+++IG9mIGEgd2ViaG9vayBzZWNyZXQuLg==',
  encryptionKey: 'yMnKy8zNzs/Q0dLT1NXW19jZ2tvc3d7f4OHi4+Tl5uc=',
  sentToken: 'canary-of-a-sent-token',
  query: 'canary-of-a-query',
  email: 'canary@example.org',
}

const told: string[] = []

const env = {
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: canary.redisToken,
  AIRTABLE_API_KEY: canary.apiKey,
  AIRTABLE_RRHH_BASE_ID: 'app12345678901234',
  AIRTABLE_RRHH_PEOPLE_TABLE_ID: 'tbl12345678901234',
  ADMIN_TOKEN: canary.adminToken,
  CRON_SECRET: canary.cronSecret,
  AIRTABLE_WEBHOOK_SECRETS: `ach00000000000001:${canary.webhookSecret}`,
  CACHE_ENCRYPTION_KEY: canary.encryptionKey,
  CACHE_FAIL_FAST: 'false',
  LOG_LEVEL: 'debug',
  NODE_ENV: 'production',
}

let upstash: MemoryUpstash
let answerAs: ((command: string) => Response) | undefined
let server: FieldProcess

const hear = () => vi.spyOn(process.stdout, 'write').mockImplementation((line) => told.push(String(line)) > 0)
beforeEach(() => {
  hear()
})

beforeAll(async () => {
  hear()
  subscribe('field-cache', (event) => told.push(JSON.stringify(event)))
  const { report } = await boot(env)
  told.push(report)
  const clock = alarmClock()
  upstash = createMemoryUpstash(clock, testSettings.commandHardTimeoutMs)
  server = await startFieldProcess(
    {
      ...testSettings,
      token: canary.redisToken,
      slowCommandMs: 1,
      breaker: { ...testSettings.breaker, failureThreshold: 1_000 },
    },
    {
      ports: {
        clock,
        emit: processPorts().emit,
        fetch: async (url, init) => {
          const body = new TextDecoder().decode(init.body as Uint8Array)
          return answerAs ? answerAs(body) : upstash.fetch(url, init)
        },
      },
    },
  )
})

const read = (fetcher: () => Promise<unknown>, rest = {}, force: Force = 'never') =>
  server.read(field(fetcher, rest), force).catch((error: unknown) => error)

/** Runs everything that can happen to a value and to a request and is logged. */
async function live(): Promise<void> {
  const value = { name: canary.value, email: canary.email }
  await read(async () => value, { tags: ['people'] })
  await read(async () => value, { memoryTtl: 60 }, 'always')
  await server.cache.set('profile', value)
  await server.cache.get('profile')
  await server.cache.rpush('list', value)
  await server.cache.get('list')
  await server.cache.mset({ a: value })
  await server.cache.pipeline((redis) => [redis.set('b', value), redis.incr('profile')])
  const schema = z.strictObject({ name: z.number(), email: z.literal('nobody') })
  await read(async () => value, { schema, key: 'checked' }, 'always')
  await read(async () => value, { schema })
  await invalidateTags(['people'], server.runtime).catch((error: unknown) => error)
}

it('events and logs about values do not contain them', async () => {
  await live()
  expectNothingSecret('refresh.finished', 'refresh.failed', 'field.rejected', 'redis.degraded')
})

it.each([
  ['the whole command', (text: string) => `ERR internal error, command was: ${text}`, 400],
  ['its arguments', (text: string) => `ERR unknown command 'SET', with args beginning with: ${text}`, 400],
  ['the request in other words', (text: string) => `ERR Protocol error near ${text}`, 400],
  ['the request of a broken server', (text: string) => `something failed: ${text}`, 500],
  ['a page that repeats it', (text: string) => `<html>${text} ${canary.redisToken}</html>`, 502],
  ['who asked', () => `WRONGPASS for ${canary.redisToken}`, 401],
  [
    'the quota',
    (text: string) => `ERR max requests limit exceeded. Limit: 500000, command was: ${text}`,
    400,
  ],
])('a Redis that answers with %s is logged without that', async (_, textOf, status) => {
  answerAs = (command) => {
    const text = textOf(command)
    return text.startsWith('<') ? new Response(text, { status }) : Response.json({ error: text }, { status })
  }
  await live()
  answerAs = undefined
  expectNothingSecret('redis.degraded')
})

it('a failing source is logged without the data in its error', async () => {
  const words = [
    `401 for Authorization: Bearer ${canary.sentToken}`,
    `GET https://api.example/v1/people?name=${canary.query}&key=${canary.apiKey} failed`,
    `https://user:${canary.sentToken}@api.example is down`,
    `no account for ${canary.email}\r\nlevel=error event=forged`,
    `${canary.adminToken}, ${encodeURIComponent(canary.apiKey)}`,
    `no MAC by ${canary.webhookSecret}, no key ${canary.encryptionKey}`,
    JSON.stringify({ macSecretBase64: canary.webhookSecret }),
  ]
  for (const [index, text] of words.entries()) {
    await read(() => Promise.reject(new Error(text, { cause: new Error(text) })), { key: `failing:${index}` })
  }
  const long = await read(() => Promise.reject(new Error('x'.repeat(100_000))), { key: 'failing:long' })
  expect((long as Error).message.length).toBeLessThan(500)
  expect(told.some((line) => line.includes('GET https://api.example/v1/people?[…] failed'))).toBe(true)
  expectNothingSecret('refresh.failed', 'field.failed')
})

it('a failing request is logged without what was sent', async () => {
  const failing = withRequestId(async (request) =>
    problemResponse(request, new Error(`not with ${request.headers.get('authorization')}`), {
      label: 'Failed',
      trusted: false,
    }),
  )
  const headers = {
    authorization: `Bearer ${canary.sentToken}`,
    cookie: `session=${canary.sentToken}`,
    'x-request-id': `${canary.query} is not an id`,
  }
  await failing(new Request(`http://localhost/api/x?token=${canary.query}`, { headers }))
  expectNothingSecret('request.failed')
})

/** Output since the last call. Events of all `types` must be in it, or nothing was proved. */
function expectNothingSecret(...types: string[]): void {
  const all = told.splice(0)
  for (const type of types) expect(all.some((line) => line.includes(`"${type}"`))).toBe(true)
  for (const [source, secret] of Object.entries(canary)) {
    expect({ source, in: all.filter((line) => line.includes(secret)) }).toEqual({ source, in: [] })
  }
  expect(all.filter((line) => line.length > 1_000)).toEqual([])
  expect(all.filter((line) => /\n./.test(line) && line.startsWith('{'))).toEqual([])
}
