/** An Upstash that answers `fetch` from a Redis in memory. The shipped client, circuit breaker and deadlines run before it. */
import { redisTimeout } from '../core-services/cache/errors'
import type { ManualClock } from './clock'
import { type Command, createMemoryRedis, type MemoryRedis } from './redis/memoryRedis'

export interface MemoryUpstash {
  redis: MemoryRedis
  fetch(url: string, init: RequestInit): Promise<Response>
  down(): void
  /** From now on answers take this many ms by the clock. From the deadline of a request on, it fails instead. */
  slow(milliseconds: number): void
  up(): void
  /** Failed ones included. */
  readonly requests: number
}

/** `deadlineMs`: the deadline of a request in the processes that use it. */
export function createMemoryUpstash(clock: ManualClock, deadlineMs: number): MemoryUpstash {
  const redis = createMemoryRedis(clock.now)
  let requests = 0
  let delayMs = 0
  let refuses = false

  function run(command: Command): { result: unknown } | { error: string } {
    try {
      return { result: redis.execute(command) }
    } catch (error) {
      if (error instanceof Error && error.name === 'ReplyError') return { error: error.message }
      throw error
    }
  }

  return {
    redis,
    async fetch(url, { body }) {
      requests += 1
      if (refuses) throw new TypeError('fetch failed', { cause: codedCause('ECONNREFUSED') })
      // Moves the clock instead of waiting, so that tests of slow answers are fast.
      if (delayMs > 0) clock.advance(Math.min(delayMs, deadlineMs))
      if (delayMs >= deadlineMs) throw redisTimeout(deadlineMs, 'UPSTASH_REDIS_REST_URL')
      const given: unknown = JSON.parse(new TextDecoder().decode(body as Uint8Array))
      if (!new URL(url).pathname.endsWith('/pipeline')) {
        const reply = run(given as Command)
        return Response.json(reply, { status: 'error' in reply ? 400 : 200 })
      }
      return Response.json((given as Command[]).map(run))
    },
    down() {
      refuses = true
    },
    slow(milliseconds) {
      refuses = false
      delayMs = milliseconds
    },
    up() {
      refuses = false
      delayMs = 0
    },
    get requests() {
      return requests
    },
  }
}

const codedCause = (code: string): Error => Object.assign(new Error(code), { code })
