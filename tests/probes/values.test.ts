import { beforeEach, describe, expect, vi } from 'vitest'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { cacheFor, settings } from '../kit/fields/cache'
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

describe('values that look like nothing', () => {
  for (const value of [0, false, '', null]) {
    const shown = JSON.stringify(value)

    probe('emptyValues', `${shown} is a hit in every instance, and fetched once`, async () => {
      const fetcher = vi.fn(async () => value)
      for (const instance of [here, there, here]) {
        expect((await instance.read(field<unknown>(fetcher))).data).toBe(value)
      }
      expect(await there.read(field<unknown>(fetcher))).toMatchObject({ data: value, status: 'hit' })
      expect(fetcher).toHaveBeenCalledTimes(1)
    })

    probe('emptyValues', `${shown} comes back from get and mget alike`, async () => {
      const { cache } = cacheFor(redis)
      await cache.initialize()
      await cache.set('value', value)
      expect(await cache.get('value')).toBe(value)
      expect(await cache.mget('value', 'absent')).toEqual([value, null])
      expect(await cache.attempt((commands) => commands.lookup('value'))).toEqual({
        ok: true,
        value: { found: true, value },
      })
    })
  }
})

describe('errors of the fetcher', () => {
  probe('fetcherThrows', 'throws SOURCE_FAILED with what was thrown as its cause', async () => {
    const thrown = new Error('the source is down')
    const failing = field<string>(() => Promise.reject(thrown))
    await expect(here.read(failing)).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause: thrown })
  })

  probe('fetcherThrows', 'throws, too, what the fetcher throws before it returns a promise', async () => {
    const failing = field<string>(() => {
      throw new Error('no credentials')
    })
    await expect(here.read(failing)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    await expect(there.read(failing)).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })
})

describe('keys that others confuse', () => {
  const shortKeys = Array.from({ length: 20_000 }, (_, index) => `p/${index.toString(36)}`)

  probe('collidingKeys', 'each key has its own value', async () => {
    const keys = ['airtable:record:rec00000r', 'airtable:record:rec000020', ...shortKeys.slice(0, 200)]
    const configs = keys.map((key) => field(async () => `value of ${key}`, { key }))
    const readAll = (instance: Instance) =>
      Promise.all(configs.map(async (config) => (await instance.read(config)).data))
    const wanted = keys.map((key) => `value of ${key}`)
    expect(await readAll(here)).toEqual(wanted)
    expect(await readAll(there)).toEqual(wanted)
  })

  probe('collidingKeys', '20,000 short keys have 20,000 names in Redis', async () => {
    const names = createKeySpace({
      prefix: settings.keyPrefix,
      version: settings.keyVersion,
      maxLength: settings.maxKeyLength,
    })
    expect(new Set(shortKeys.map(names.physical)).size).toBe(shortKeys.length)
    expect(new Set(shortKeys.map((key) => names.internal('token', key))).size).toBe(shortKeys.length)
  })

  probe('collidingKeys', 'nor can a key pass for a tag, or for what guards another key', async () => {
    const confusing = ['x', 'key:x', 'tag:x', 'token:key:x', 'x:x', '~token:key:x']
    const configs = confusing.map((key) => field(async () => `value of ${key}`, { key, tags: confusing }))
    await Promise.all(configs.map((config) => here.read(config)))
    for (const [index, config] of configs.entries()) {
      expect(await there.read(config)).toMatchObject({ data: `value of ${confusing[index]}`, status: 'hit' })
    }
  })
})
