/** Names that Redis would confuse, or that people cannot see, are refused; every other name stands for itself alone. */
import { describe, expect, it } from 'vitest'
import { createCacheAside } from '@/lib/core-services/cache/cacheAside'
import { decodeEntry } from '@/lib/core-services/cache/entry/entry'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { field, processForEachTest, startFieldProcess } from '@/tests/kit/fields/fieldProcess'
import { redisForThisFile } from '@/tests/kit/redis/redisSuite'

const redis = redisForThisFile()
const app = processForEachTest(redis)
const aside = createCacheAside(() => app.runtime)
const read = (rest: Partial<ReturnType<typeof field>>, value: unknown = 1) =>
  app.read(field<unknown>(async () => value, rest as object))

/** 😀 is \ud83d\ude00, 𝒜 is \ud835\udc9c: cut in the middle both are the same to Redis. */
const HALF = 'cart:Ana \ud83d'

describe.each([
  ['half a character', HALF, 'half of a character'],
  ['a zero-width space alone', '\u200b', 'nothing of it can be seen'],
  ['blanks alone', ' \u3000\u00ad\u2800', 'nothing of it can be seen'],
  ['a control character above ASCII', 'a\u0085b', 'a control character'],
  ['nothing', '', 'it is empty'],
  ['no text', 42 as unknown as string, 'it is no text but number'],
])('%s', (_, name, reason) => {
  const refused = { code: 'KEY_INVALID', message: expect.stringContaining(reason) }

  it.each<[string, () => Promise<unknown>]>([
    ['as a key', () => app.cache.get(name)],
    ['as a key that is set', () => app.cache.set(name, 1)],
    ['as a key among several', () => app.cache.mget('a', name)],
    ['as the key of a field', () => read({ key: name })],
    ['as a key of cacheAside', () => aside.get(name, async () => 1)],
    ['as one of a batch', () => aside.batchGet(['a', name], async () => [1, 2])],
    ['as a key that is invalidated', () => invalidateField({ key: name }, app.runtime)],
    ['as a tag that is invalidated', () => invalidateTags(['a', name], app.runtime)],
    ['as a lock', () => app.cache.lock.withLock(name, async () => 1)],
    ['as a note', () => app.cache.sharedRecords.write('kind', name, 1, 60)],
  ])('is refused %s', async (_where, use) => {
    redis.upstash.resetCounters()
    await expect(use()).rejects.toMatchObject(refused)
  })

  it('is refused as the tag of a field, and as its name', async () => {
    const because = { code: 'FIELD_INVALID', message: expect.stringContaining(reason) }
    await expect(read({ tags: ['a', name] })).rejects.toMatchObject(because)
    await expect(aside.get('k', async () => 1, { name })).rejects.toMatchObject(because)
  })
})

it('half a character is refused as a field of a hash and in a pattern', async () => {
  for (const use of [
    () => app.cache.hset('h', HALF, 1),
    () => app.cache.hget('h', HALF),
    () => app.cache.hdel('h', 'a', HALF),
    () => app.cache.keysByPattern(`${HALF}*`),
    () => app.cache.deleteByPattern(`${HALF}*`),
  ])
    await expect(use()).rejects.toMatchObject({ code: 'KEY_INVALID' })
})

it('half a character in a value comes back as it was, whatever becomes of the value on its way', async () => {
  const texts = [HALF, `\udc9c${HALF}`, { [HALF]: HALF }, 'x\ud83d'.repeat(3_000)]
  for (const [index, text] of texts.entries()) {
    await app.cache.set(`k${index}`, text)
    expect(await app.cache.get(`k${index}`)).toEqual(text)
    for (const compression of [true, false])
      for (const status of ['miss', 'hit'])
        expect(
          await read({ key: `f${index} ${compression}`, advanced: { compression } }, text),
        ).toMatchObject({
          data: text,
          status,
        })
  }
})

describe('names of what every object has', () => {
  const NAMES = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'toJSON', 'then']

  it.each(NAMES)('%s is a key, a tag, a lock, a note and a name like any other', async (name) => {
    const config = { key: name, name, tags: [name], dependsOn: () => [`of ${name}`, name] }
    expect((await read(config)).status).toBe('miss')
    expect((await read(config)).status).toBe('hit')
    await invalidateTags([name], app.runtime)
    expect((await read(config)).status).toBe('miss')
    await invalidateField({ key: name }, app.runtime)
    expect((await read(config)).status).toBe('miss')
    await app.cache.sharedRecords.write('kind', name, { [name]: 1 }, 60)
    expect(await app.cache.sharedRecords.read('kind', [name])).toEqual([{ [name]: 1 }])
    expect(await app.cache.lock.withLock(name, async () => 'alone')).toBe('alone')
  })

  it('are properties of values, fields of hashes and keys of mset', async () => {
    const value = Object.fromEntries(NAMES.map((name) => [name, { [name]: name }]))
    expect(Object.hasOwn(value, '__proto__')).toBe(true)
    const same = (one: unknown) => expect(JSON.stringify(one)).toBe(JSON.stringify(value))
    same((await read({ key: 'object' }, value)).data)
    same((await read({ key: 'object' })).data)
    for (const [name, content] of Object.entries(value)) await app.cache.hset('h', name, content)
    const hash = await app.cache.hgetall('h')
    expect(Object.keys(hash ?? {}).sort()).toEqual(NAMES.toSorted())
    expect(await app.cache.mset(value)).toBe('OK')
    expect(JSON.stringify(await app.cache.mget(...NAMES))).toBe(JSON.stringify(Object.values(value)))
  })
})

it('an entry that names what cannot be asked for is a miss, and not an error at each read', async () => {
  const config = { dependsOn: () => ['a'] }
  await read(config)
  const name = (await app.runtime.store()).names.entry('agents_list')
  const text = (await (await app.runtime.store()).read([name])).get(name) ?? ''
  const spoilt = text.replaceAll('"tag:a"', '"tag:a\\nb"')
  expect([decodeEntry(text), decodeEntry(spoilt)]).toEqual([expect.anything(), null])
  await app.cache.redis.set(name, spoilt)
  const { runtime } = await startFieldProcess(redis)
  const there = () =>
    readFieldCache(
      field<unknown>(async () => 2, config),
      'never',
      runtime,
    )
  expect([(await there()).status, (await there()).status]).toEqual(['miss', 'hit'])
})
