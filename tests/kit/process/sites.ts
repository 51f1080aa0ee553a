import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestRedis } from '../redis/testRedis'

export const METRICS_TOKEN = 'metrics-token-of-the-tests'

/** A server process that answers over HTTP with the shipped routes; see httpWorker.ts. */
export interface Site {
  /** Answers are read to their end. With the token for metrics. */
  get(path: string): Promise<{ status: number; text: string; headers: Headers }>
  /** Lets its clocks go on, in s. */
  pass(seconds: number): Promise<void>
  /** Ends it as kill -9 does; resolves when it is gone. */
  kill(): Promise<void>
}

const PROGRAMS = {
  /** One field over a source of the test. */
  oneField: new URL('./httpWorker.ts', import.meta.url),
  /** The app's own fields, over Airtable. */
  app: new URL('./appWorker.ts', import.meta.url),
}

export async function startSite(
  redis: Pick<TestRedis, 'url' | 'token'>,
  sourceUrl: string,
  environment: Record<string, string> = {},
  program: keyof typeof PROGRAMS = 'oneField',
): Promise<Site> {
  const child = fork(PROGRAMS[program], {
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
    return { status: response.status, text: await response.text(), headers: response.headers }
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
