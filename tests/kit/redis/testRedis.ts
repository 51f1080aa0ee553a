import { startEngine } from '@/local/engine'
import { sendOnce } from '@/local/engine/sendOnce'
import type { RedisEngine } from '@/local/engine/types'
import { startUpstashServer, type UpstashServer } from '@/local/upstash/server'

const TOKEN = 'local-test-token'
const KINDS = ['embedded', 'redis-server'] as const

/** A Redis of a test's own with an Upstash server in front. */
export interface TestRedis {
  /** The engine that is running, or the last one that was. */
  readonly engine: RedisEngine
  readonly upstash: UpstashServer
  /** What UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN take. */
  readonly url: string
  readonly token: string
  /** Deletes all data without being counted by the Upstash server. */
  flush(): Promise<void>
  /** The same, but for the request budget: a process that knows it sends nothing for 2.5 s when it is gone. */
  flushButBudget(): Promise<void>
  /** Ends the engine as a crash would: data is gone, and the Upstash server answers 503 from now on. */
  killEngine(): Promise<void>
  /** Starts an empty engine where the killed one was; resolves once the Upstash server has found it. */
  reviveEngine(): Promise<void>
  stop(): Promise<void>
}

/** The engine TEST_REDIS names. */
export function testEngineKind(): (typeof KINDS)[number] {
  const wanted = process.env.TEST_REDIS || 'embedded'
  const kind = KINDS.find((known) => known === wanted)
  if (kind === undefined) throw new Error(`TEST_REDIS is "${wanted}"; expected ${KINDS.join(' or ')}`)
  return kind
}

/** Starts the engine TEST_REDIS names, the embedded one by default; rejects when that engine is not installed. */
export async function startTestRedis(kind = testEngineKind()): Promise<TestRedis> {
  let engine = await startEngine({ kind })
  const { url: redisUrl } = engine
  const upstash = await startUpstashServer({ redisUrl, token: TOKEN })

  return {
    get engine() {
      return engine
    },
    upstash,
    url: upstash.url,
    token: TOKEN,
    flush: async () => {
      await sendOnce(redisUrl, ['FLUSHALL'])
    },
    flushButBudget: async () => {
      const names = Object.values(Object(await sendOnce(redisUrl, ['KEYS', '*']))).map(String)
      const unwanted = names.filter((name) => !name.includes('~budget:'))
      if (unwanted.length > 0) await sendOnce(redisUrl, ['DEL', ...unwanted])
    },
    killEngine: () => engine.stop(),
    reviveEngine: async () => {
      engine = await startEngine({ kind, port: Number(new URL(redisUrl).port) })
      await upstash.engineConnected()
    },
    stop: async () => {
      await upstash.close()
      await engine.stop()
    },
  }
}

/** An answer of the Upstash server with its JSON body. */
export interface RestResult {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

/** What a request to the Upstash server may set; by default a POST with the token. */
export interface RestInit {
  readonly method?: string
  /** Sent as it is when it is a string, as JSON otherwise. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One plain request to the Upstash server, past every client library. */
export async function rest(
  { url, token }: Pick<TestRedis, 'url' | 'token'>,
  path: string,
  { method = 'POST', body, headers = {} }: RestInit = {},
): Promise<RestResult> {
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...sent,
  })
  const text = await response.text()
  return {
    status: response.status,
    body: text === '' ? undefined : JSON.parse(text),
    headers: response.headers,
  }
}
