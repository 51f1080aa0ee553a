import { afterEach, describe, expect, it } from 'vitest'
import { contentMac } from '@/local/airtable/webhooks/pings'
import { type LocalStack, startLocalStack } from '@/local/stack'
import { startPingReceiver } from '@/tests/kit/airtable/airtableHooks'

const freePorts = { LOCAL_UPSTASH_PORT: '0', LOCAL_AIRTABLE_PORT: '0', LOCAL_AIRTABLE_LATENCY_MS: '0' }
const realRedis = { UPSTASH_REDIS_REST_URL: 'https://db.example', UPSTASH_REDIS_REST_TOKEN: 'redis-token' }
const realAirtable = {
  AIRTABLE_API_KEY: 'patReal',
  AIRTABLE_RRHH_BASE_ID: 'appReal0000000001',
  AIRTABLE_RRHH_PEOPLE_TABLE_ID: 'tblReal0000000001',
}

let stack: LocalStack | undefined

async function start(env: Record<string, string>, appUrl?: string): Promise<LocalStack> {
  const options = { engine: { kind: 'embedded' }, ...(appUrl === undefined ? {} : { appUrl }) } as const
  stack = await startLocalStack(options, { ...freePorts, ...env })
  return stack
}

afterEach(async () => {
  await stack?.stop()
  stack = undefined
})

async function redis(env: LocalStack['env'], command: string[]): Promise<unknown> {
  const response = await fetch(String(env.UPSTASH_REDIS_REST_URL), {
    method: 'POST',
    headers: { authorization: `Bearer ${env.UPSTASH_REDIS_REST_TOKEN}` },
    body: JSON.stringify(command),
  })
  return response.json()
}

function airtable(env: LocalStack['env']): Promise<Response> {
  const path = `v0/${env.AIRTABLE_RRHH_BASE_ID}/${env.AIRTABLE_RRHH_PEOPLE_TABLE_ID}?pageSize=2`
  return fetch(`${env.AIRTABLE_ENDPOINT_URL}/${path}`, {
    headers: { authorization: `Bearer ${env.AIRTABLE_API_KEY}` },
  })
}

describe('a stack for an empty environment', () => {
  it('answers Redis commands and lists people with the environment it hands out', async () => {
    const { env } = await start({})
    expect(await redis(env, ['SET', 'a', '1'])).toEqual({ result: 'OK' })
    expect(await redis(env, ['GET', 'a'])).toEqual({ result: '1' })
    expect(await (await airtable(env)).json()).toHaveProperty('records.length', 2)
  })

  it('generates secrets that differ from each other and from run to run', async () => {
    const first = (await start({})).env
    await stack?.stop()
    const second = (await start({})).env
    const secrets = [first, second].flatMap(({ ADMIN_TOKEN, CRON_SECRET }) => [ADMIN_TOKEN, CRON_SECRET])
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{32,}$/)
    expect(new Set(secrets).size).toBe(4)
  })

  it('lists what it started, where and why, and the URLs of counters and faults', async () => {
    const { parts, env } = await start({})
    expect(parts.map(({ name }) => name)).toEqual(['Redis engine', 'Upstash server', 'Airtable server'])
    expect(parts[1]?.where).toBe(env.UPSTASH_REDIS_REST_URL)
    for (const url of parts.flatMap(({ statsUrl }) => statsUrl ?? [])) {
      expect((await fetch(url)).status).toBe(200)
    }
    expect(parts.filter(({ statsUrl }) => statsUrl !== undefined)).toHaveLength(2)
    for (const { statsUrl, faultsUrl } of parts.slice(1)) {
      const fault = { kind: 'garbage', times: 1 }
      await fetch(String(faultsUrl), { method: 'POST', body: JSON.stringify(fault) })
      expect(await (await fetch(String(faultsUrl))).json()).toEqual({ active: fault })
      expect((await fetch(String(statsUrl))).status).toBe(200)
    }
  })

  it('stop ends all parts, and may be called twice', async () => {
    const { env, stop } = await start({})
    await stop()
    await stop()
    await expect(airtable(env)).rejects.toThrow('fetch failed')
    await expect(redis(env, ['PING'])).rejects.toThrow('fetch failed')
  })
})

describe('a stack that knows where the app will be', () => {
  it('pings the started app at each edit, signed with the secret in its environment', async () => {
    const receiver = await startPingReceiver()
    const { env, parts, appStarted } = await start({}, new URL(receiver.url).origin)
    expect(parts.at(-1)).toMatchObject({ name: 'Webhook', where: receiver.url })
    expect((await airtable(env)).status).toBe(200)
    expect(receiver.pings).toHaveLength(0)
    appStarted()
    await expect.poll(() => receiver.pings.length).toBe(1)
    const [id = '', secret = ''] = String(env.AIRTABLE_WEBHOOK_SECRETS).split(':')
    const [ping] = receiver.pings
    expect(ping?.body).toContain(id)
    expect(ping?.mac).toBe(contentMac(secret, String(ping?.body)))
    await receiver.close()
  })

  it('registers no webhook at the real Airtable, which could not reach the app', async () => {
    const { env } = await start({ ...realRedis, ...realAirtable }, 'http://localhost:3000')
    expect(env).not.toHaveProperty('AIRTABLE_WEBHOOK_SECRETS')
  })
})

describe('credentials in the environment', () => {
  it.each([
    ['UPSTASH_REDIS_REST_URL', realRedis],
    ['KV_REST_API_URL', { KV_REST_API_URL: 'https://kv.example', KV_REST_API_TOKEN: 'kv-token' }],
  ])('starts no Redis when %s and its token are given', async (name, pair) => {
    const { env, parts } = await start(pair)
    expect(env).toMatchObject(pair)
    expect(Object.keys(env).filter((key) => /REDIS|KV/.test(key))).toEqual(Object.keys(pair))
    expect(parts[0]).toMatchObject({ name: 'Redis', why: `${name} is set` })
    expect(parts).toHaveLength(2)
  })

  it('starts no Airtable server when AIRTABLE_API_KEY is given', async () => {
    const { env, parts } = await start({ ...realRedis, ...realAirtable })
    expect(env).toMatchObject(realAirtable)
    expect(env).not.toHaveProperty('AIRTABLE_ENDPOINT_URL')
    expect(parts.map(({ where }) => where)).toEqual(['https://db.example', 'https://api.airtable.com'])
  })

  it('keeps the endpoint of the given key', async () => {
    const { env } = await start({
      ...realRedis,
      ...realAirtable,
      AIRTABLE_ENDPOINT_URL: 'http://127.0.0.1:9',
    })
    expect(env.AIRTABLE_ENDPOINT_URL).toBe('http://127.0.0.1:9')
  })

  it('uses ADMIN_TOKEN and CRON_SECRET unchanged', async () => {
    const secrets = { ADMIN_TOKEN: 'admin-token-of-mine', CRON_SECRET: 'cron-secret-of-mine' }
    expect((await start({ ...realRedis, ...realAirtable, ...secrets })).env).toMatchObject(secrets)
  })

  it.each([
    [{ UPSTASH_REDIS_REST_URL: 'https://db.example' }, 'UPSTASH_REDIS_REST_TOKEN'],
    [{ UPSTASH_REDIS_REST_TOKEN: 't', UPSTASH_REDIS_REST_URL: ' ' }, 'UPSTASH_REDIS_REST_URL'],
    [{ KV_REST_API_TOKEN: 't' }, 'KV_REST_API_URL'],
    [
      { ...realRedis, AIRTABLE_API_KEY: 'pat', AIRTABLE_RRHH_BASE_ID: 'app' },
      'AIRTABLE_RRHH_PEOPLE_TABLE_ID',
    ],
  ])('refuses incomplete credentials: %o', async (env, missing) => {
    await expect(start(env)).rejects.toThrow(new RegExp(`is set but ${missing} is not`))
  })
})

describe('what was started before a failure', () => {
  it('ends what was started before a failure', async () => {
    const first = await start(realAirtable)
    const port = new URL(String(first.env.UPSTASH_REDIS_REST_URL)).port
    await first.stop()
    const broken = { LOCAL_UPSTASH_PORT: port, LOCAL_AIRTABLE_DATA: '/nowhere/people.json' }
    await expect(start(broken)).rejects.toThrow('LOCAL_AIRTABLE_DATA: /nowhere/people.json: cannot be read')
    const again = await start({ ...realAirtable, LOCAL_UPSTASH_PORT: port })
    expect(again.env.UPSTASH_REDIS_REST_URL).toContain(port)
  })
})
