import { expect, it } from 'vitest'
import {
  openRecheckQueue,
  QUEUE_KIND,
  queueRecordNames,
} from '@/lib/core-services/airtable/webhooks/recheckQueue'
import { startFieldProcess } from '../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../kit/redis/redisSuite'

const hook = { baseId: 'app1', webhookId: 'ach1' }
const redis = redisForThisFile()

it('a ping that is announced late does not replace a newer one', async () => {
  const { runtime } = await startFieldProcess(redis, {})
  const queue = openRecheckQueue(hook, await runtime.sharedRecords())
  await queue.announce(5)
  await queue.announce(3)
  expect((await queue.read()).announced).toBe(5)
})

it('a ping that is announced while an older one is put right stays the newest', async () => {
  const { runtime } = await startFieldProcess(redis, {})
  const notes = await runtime.sharedRecords()
  const queue = openRecheckQueue(hook, notes)
  await queue.announce(5)
  let exchanges = 0
  const late = openRecheckQueue(hook, {
    ...notes,
    async exchange<T>(kind: string, name: string, value: unknown, seconds: number) {
      const replaced = await notes.exchange<T>(kind, name, value, seconds)
      exchanges += 1
      if (exchanges === 1)
        await notes.write(QUEUE_KIND, queueRecordNames(hook.webhookId)[0], [7, hook.baseId], 60)
      return replaced
    },
  })
  await late.announce(3)
  expect(exchanges).toBe(3)
  expect((await queue.read()).announced).toBe(7)
})
