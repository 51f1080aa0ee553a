import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AirtableServer } from '@/local/airtable/server'
import type { TestRedis } from '../redis/testRedis'

/** What a field of a worker may set; its fetcher asks the source at `url`, or without one reads the Airtable table. */
export interface WorkerField {
  key: string
  url?: string
  ttl: number
  tags?: string[]
  staleWhileRevalidate?: number
  staleIfError?: number
  memoryTtl?: number
}

export type Order =
  | { do: 'read'; field: WorkerField; callers: number }
  | { do: 'force'; field: WorkerField }
  | { do: 'invalidateTags'; tags: string[] }
  | { do: 'invalidateField'; key: string }
  | { do: 'pass'; seconds: number }
  | { do: 'health' }

/** What one caller in a worker got. */
export type Answered = { data: string; status: string } | { error: string }

export type Reply = { id: number } & ({ answers: Answered[] } | { failure: string })

/** A server process of its own. Every method rejects when that process dies. */
export interface Worker {
  readonly pid: number
  /** What so many callers get who read at the same time. */
  read(field: WorkerField, callers?: number): Promise<Answered[]>
  force(field: WorkerField): Promise<Answered>
  invalidateTags(tags: string[]): Promise<void>
  invalidateField(field: Pick<WorkerField, 'key'>): Promise<void>
  /** Lets its clocks go on. */
  pass(seconds: number): Promise<void>
  /** What its health endpoint tells the admin. */
  health(): Promise<unknown>
  /** Ends it as kill -9 does; resolves when it is gone. */
  kill(): Promise<void>
}

export interface WorkerSettings {
  /** How long a reader with a copy waits for Redis, in ms. */
  commandTimeoutMs?: number
  /** Deadline of a refresh, in ms; a lease lives for half a second more. */
  refreshTimeoutMs?: number
  /** For fields that read a table of Airtable. */
  airtable?: Pick<AirtableServer, 'url' | 'apiKey' | 'baseId'> & { tableId: string }
}

const PROGRAM = new URL('./fieldWorker.ts', import.meta.url)
export const WORKER_ADMIN_TOKEN = 'admin-token-of-the-workers'

export function startWorkers(
  count: number,
  redis: Pick<TestRedis, 'url' | 'token'>,
  settings: WorkerSettings = {},
): Promise<Worker[]> {
  return Promise.all(Array.from({ length: count }, () => startWorker(redis, settings)))
}

async function startWorker(
  redis: Pick<TestRedis, 'url' | 'token'>,
  { refreshTimeoutMs = 10_000, commandTimeoutMs = 5_000, airtable }: WorkerSettings,
): Promise<Worker> {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      CACHE_KEY_PREFIX: 'test',
      // Generous, because test machines are slow at times.
      CACHE_COMMAND_TIMEOUT_MS: String(commandTimeoutMs),
      CACHE_COMMAND_HARD_TIMEOUT_MS: '5000',
      CACHE_REFRESH_TIMEOUT_MS: String(refreshTimeoutMs),
      ADMIN_TOKEN: WORKER_ADMIN_TOKEN,
      AIRTABLE_ENDPOINT_URL: airtable?.url,
      AIRTABLE_API_KEY: airtable?.apiKey,
      AIRTABLE_RRHH_BASE_ID: airtable?.baseId,
      AIRTABLE_RRHH_PEOPLE_TABLE_ID: airtable?.tableId,
    },
  })
  const waiting = new Map<number, (reply: Reply) => void>()
  const dead = once(child, 'exit').then(() => {
    for (const [id, settle] of waiting) settle({ id, failure: 'the process is gone' })
    waiting.clear()
  })
  const replied = (id: number): Promise<Answered[]> => {
    const answers = new Promise<Answered[]>((resolve, reject) => {
      waiting.set(id, (reply) => {
        waiting.delete(id)
        if ('answers' in reply) resolve(reply.answers)
        else reject(new Error(`a worker failed: ${reply.failure}`))
      })
    })
    // A test that has failed already awaits no more answers.
    answers.catch(() => undefined)
    return answers
  }
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply))
  await replied(0)
  return commandsOf(child, dead, replied)
}

function commandsOf(
  child: ChildProcess,
  dead: Promise<void>,
  replied: (id: number) => Promise<Answered[]>,
): Worker {
  let sent = 0
  const tell = (order: Order): Promise<Answered[]> => {
    sent += 1
    const answers = replied(sent)
    child.send({ id: sent, order })
    return answers
  }
  const done = async (order: Order): Promise<void> => {
    await tell(order)
  }
  return {
    pid: child.pid ?? 0,
    read: (field, callers = 1) => tell({ do: 'read', field, callers }),
    async force(field) {
      const [answer] = await tell({ do: 'force', field })
      return answer ?? { error: 'no answer' }
    },
    invalidateTags: (tags) => done({ do: 'invalidateTags', tags }),
    invalidateField: ({ key }) => done({ do: 'invalidateField', key }),
    pass: (seconds) => done({ do: 'pass', seconds }),
    async health() {
      const [answer] = await tell({ do: 'health' })
      return answer && 'data' in answer ? JSON.parse(answer.data) : answer
    },
    async kill() {
      child.kill('SIGKILL')
      await dead
    },
  }
}
