import { expect, it } from 'vitest'
import { takeFromBuckets } from '@/lib/core-services/cache/coordination/tokenBuckets'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { startLuaRedis } from '../../kit/redis/luaRedis'

const keys = createKeySpace({ prefix: 'sim', version: 'v1', maxLength: 250 })

it.each([1_000, 3_600_000])(
  'a bucket refills on time though the clock of Redis went back by %i ms',
  async (by) => {
    const redis = await startLuaRedis()
    let now = Date.UTC(2026, 0, 1)
    redis.reset(() => now)
    const take = () => takeFromBuckets({ send: redis.send, keys }, [{ name: 'b', burst: 3, everyMs: 10_000 }])
    expect([await take(), await take(), await take()]).toEqual([0, 0, 0])
    now -= by
    const wait = await take()
    expect(wait).toBeLessThanOrEqual(10_000)
    now += wait
    expect([await take(), await take()]).toEqual([0, 10_000])
  },
)
