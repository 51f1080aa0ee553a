import { randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FetchContext, FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { createHints } from '@/lib/core-services/cache/fields/memory/fieldHints'
import { sendOnce } from '@/local/engine/sendOnce'
import { endCoolDowns } from '../../../kit/fields/coolDowns'
import { type FieldProcess, field, startFieldProcess } from '../../../kit/fields/fieldProcess'
import { redisForThisFile } from '../../../kit/redis/redisSuite'

const redis = redisForThisFile()
const key = new Uint8Array(randomBytes(32))
let here: FieldProcess

beforeEach(async () => {
  await redis.flush()
  here = await startFieldProcess(redis)
})

/** In a process that has not met the cool-down. */
const read = (config: FieldCacheConfig<string>) =>
  readFieldCache(config, 'never', { ...here.runtime, hints: createHints() })
const progressKeys = async () => (await sendOnce(redis.engine.url, ['KEYS', '*~progress:*'])) as string[]

const encrypted = { tags: [], advanced: { encrypt: true } }
const progress = JSON.stringify({ secret: 'Ana Canary-Vidal' })
const steps = () => {
  const seen: (string | null)[] = []
  const config = field(async ({ resume, pause }: FetchContext) => {
    seen.push(await resume())
    return seen.length === 1 ? pause(progress, '1 of 2') : 'whole'
  }, encrypted)
  return { seen, config }
}
const text = async () => String(await sendOnce(redis.engine.url, ['GET', (await progressKeys())[0] ?? '']))

test('the progress of an encrypted field is as unreadable as the value, and goes on all the same', async () => {
  const { seen, config } = steps()
  here = await startFieldProcess(redis, { encryptionKeys: [key] })

  await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
  await endCoolDowns(redis)
  const stored = await text()
  await read(config)

  expect(stored).not.toContain('Canary')
  expect(stored).not.toContain(Buffer.from('Canary-V').toString('base64').slice(0, 8))
  expect(seen).toEqual([null, progress])
})

test('the progress of an encrypted field cannot be put in the place of the value', async () => {
  const { seen, config } = steps()
  here = await startFieldProcess(redis, { encryptionKeys: [key] })
  await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
  await endCoolDowns(redis)
  const { names } = await here.runtime.store()

  await sendOnce(redis.engine.url, ['SET', names.entry(config.key), await text()])

  expect((await read(config)).data).toBe('whole')
  expect(seen).toHaveLength(2)
})

test('the progress of an encrypted field does not count when it is stored unencrypted', async () => {
  const { seen, config } = steps()
  await expect(read(field(({ pause }: FetchContext) => pause('forged', 'x'), { tags: [] }))).rejects.toThrow()
  await endCoolDowns(redis)
  here = await startFieldProcess(redis, { encryptionKeys: [key] })

  await expect(read(config)).rejects.toMatchObject({ code: 'SOURCE_UNFINISHED' })
  await endCoolDowns(redis)

  expect(seen).toEqual([null])
})

test('the progress of an encrypted field is not stored without a key', async () => {
  await expect(read(steps().config)).rejects.toMatchObject({ code: 'SOURCE_TIMEOUT' })

  expect(await progressKeys()).toEqual([])
})
