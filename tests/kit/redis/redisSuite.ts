import { afterAll, beforeAll } from 'vitest'
import { startTestRedis, type TestRedis } from './testRedis'

/** One Redis for the tests of a file, started before and stopped after them. Use it inside hooks and tests only. */
export function redisForThisFile(): Omit<TestRedis, 'stop'> {
  let started: TestRedis | undefined
  beforeAll(async () => {
    started = await startTestRedis()
  })
  afterAll(() => started?.stop())
  const running = (): TestRedis => {
    if (!started)
      throw new Error('The Redis of this file is started before its first test: use it in a hook or a test')
    return started
  }
  return {
    get engine() {
      return running().engine
    },
    get upstash() {
      return running().upstash
    },
    get url() {
      return running().url
    },
    get token() {
      return running().token
    },
    flush: () => running().flush(),
    flushButBudget: () => running().flushButBudget(),
    killEngine: () => running().killEngine(),
    reviveEngine: () => running().reviveEngine(),
  }
}
