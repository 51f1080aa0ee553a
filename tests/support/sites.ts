import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestRedis } from './testRedis'

export const METRICS_TOKEN = 'metrics-token-of-the-tests'

/** A server process that answers over HTTP with the shipped routes; see httpWorker.ts. */
export interface Site {
  /** Answers are read to their end. With the token for metrics. */
  get(path: string): Promise<{ status: number; text: string }>
  /** Lets its clocks go on, in s. */
  pass(seconds: number): Promise<void>
  /** Ends it as kill -9 does; resolves when it is gone. */
  kill(): Promise<void>
}

const PROGRAM = new URL('./httpWorker.ts', import.meta.url)

export async function startSite(
  redis: Pick<TestRedis, 'url' | 'token'>,
  sourceUrl: string,
  environment: Record<string, string> = {},
): Promise<Site> {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SOURCE_URL: sourceUrl,
      CACHE_KEY_PREFIX: 'test',
      // Generous, because test machines are slow at times.
      CACHE_COMMAND_TIMEOUT_MS: '5000',
      AIRTABLE_API_KEY: 'pat',
      METRICS_TOKEN,
      ...environment,
    },
  })
  const gone = once(child, 'exit')
  const [port] = await once(child, 'message')
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${METRICS_TOKEN}` },
    })
    return { status: response.status, text: await response.text() }
  }
  return {
    get,
    async pass(seconds) {
      await get(`/pass?seconds=${seconds}`)
    },
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
  }
}
