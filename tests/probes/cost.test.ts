import { beforeEach, describe, expect } from 'vitest'
import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { field } from '../kit/fields/fieldProcess'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { type Instance, startInstance } from './instances'
import { probe } from './probe'

const redis = redisForThisFile()
let here: Instance
let there: Instance

beforeEach(async () => {
  await redis.flush()
  here = await startInstance(redis)
  there = await startInstance(redis)
})

const TAGS = ['people', 'sales', 'madrid']

async function costOf(run: () => Promise<unknown>): Promise<{ commands: number; requests: number }> {
  redis.upstash.resetCounters()
  await run()
  const { commands, requests } = redis.upstash.counters
  return { commands, requests }
}

const fields = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    field(async () => index, { key: `field:${index}`, tags: [...TAGS, `row:${index}`] }),
  )

describe('billed commands and the requests that a reader waits for', () => {
  probe('taggedHit', '1 command', async () => {
    const config = field(async () => 'value', { tags: TAGS })
    await here.read(config)
    expect(await costOf(() => there.read(config))).toEqual({ commands: 1, requests: 1 })
  })

  probe('pageOfFields', '1 command in 1 request', async () => {
    const page = fields(20).map((config) => ({ ...config, tags: TAGS }))
    await Promise.all(page.map((config) => here.read(config)))
    const statuses: string[] = []
    const cost = await costOf(async () => {
      const answers = await Promise.all(page.map((config) => there.read(config)))
      statuses.push(...answers.map(({ status }) => status))
    })
    expect(cost).toEqual({ commands: 1, requests: 1 })
    expect(new Set(statuses)).toEqual(new Set(['hit']))
  })

  probe('staleHit', '1 command; its refresh is 2 more, after the answer', async () => {
    const config = field(async () => 'value', { ttl: 60, staleWhileRevalidate: 600, tags: TAGS })
    await here.read(config)
    here.pass(61)
    expect(await costOf(() => here.read(config))).toEqual({ commands: 1, requests: 1 })
    expect(await costOf(() => here.finishBackgroundWork())).toEqual({ commands: 2, requests: 2 })
  })

  probe('manyEntriesOfOneTag', '1 command, and all 200 are misses everywhere', async () => {
    const entries = fields(200)
    // A page at a time, as a busy machine would not keep the deadlines of 200 at once.
    for (let page = 0; page < entries.length; page += 20)
      await Promise.all(entries.slice(page, page + 20).map((config) => here.read(config)))
    const stored = await Promise.all(entries.map((config) => there.read(config)))
    expect(new Set(stored.map(({ status }) => status))).toEqual(new Set(['hit']))
    const cost = await costOf(() => invalidateTags(['people'], there.runtime))
    expect(cost).toEqual({ commands: 1, requests: 1 })
    const answers = await Promise.all(entries.map((config) => here.read(config)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['miss']))
  })
})
