import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const LIMIT = 10_485_760

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const tooLarge = (bytes: number) => ({
  status: 400,
  body: { error: `ERR max request size exceeded. Limit: ${LIMIT} bytes, Actual: ${bytes} bytes` },
})

/** A SET with a JSON body of exactly `bytes`. */
const setOfSize = (key: string, bytes: number): string => {
  const empty = JSON.stringify(['SET', key, ''])
  return JSON.stringify(['SET', key, 'x'.repeat(bytes - empty.length)])
}

describe('a request', () => {
  it('may have 10 MiB', async () => {
    const body = setOfSize('k', LIMIT)
    await expect(rest(redis, '/', { body })).resolves.toMatchObject({ status: 200, body: { result: 'OK' } })
  })

  it.each(['/', '/pipeline', '/multi-exec', '/set/k'])(
    'refuses a request of more than 10 MiB at %s',
    async (path) => {
      const body = setOfSize('k', LIMIT + 1)
      await expect(rest(redis, path, { body })).resolves.toMatchObject(tooLarge(LIMIT + 1))
      await expect(rest(redis, '/exists/k')).resolves.toMatchObject({ body: { result: 0 } })
    },
  )
})

describe('a response', () => {
  it('may have 10 MiB', async () => {
    await rest(redis, '/', { body: setOfSize('k', LIMIT) })
    await expect(rest(redis, '/get/k')).resolves.toMatchObject({ status: 200 })
  })

  it('replaces a response of more than 10 MiB by an error, for one command and for a batch', async () => {
    const half = setOfSize('k', LIMIT / 2 + 100)
    const { length } = JSON.parse(half)[2]
    await rest(redis, '/', { body: half })
    const one = length * 2 + '{"result":["",""]}'.length
    await expect(rest(redis, '/mget/k/k')).resolves.toMatchObject(tooLarge(one))
    const body = [
      ['GET', 'k'],
      ['GET', 'k'],
    ]
    const many = length * 2 + '[{"result":""},{"result":""}]'.length
    await expect(rest(redis, '/pipeline', { body })).resolves.toMatchObject(tooLarge(many))
  })
})

describe('a key', () => {
  const KEY_LIMIT = 32_768
  const longest = 'k'.repeat(KEY_LIMIT)
  const refused = {
    error: `ERR max key size exceeded. Limit: ${KEY_LIMIT} bytes, Actual: ${KEY_LIMIT + 1} bytes`,
  }

  it('accepts a key of 32 KiB', async () => {
    await expect(rest(redis, '/', { body: ['SET', longest, longest] })).resolves.toMatchObject({
      status: 200,
    })
    await expect(rest(redis, '/', { body: ['GET', longest] })).resolves.toMatchObject({
      body: { result: longest },
    })
  })

  it.each([
    ['SET', [`${longest}k`, 'v']],
    ['one of MSET', ['a', 'v', `${'ü'.repeat(KEY_LIMIT / 2)}k`, 'v']],
    ['one of a script', ['return 1', 2, 'a', `${longest}k`, 'argument']],
  ] as const)('is refused as that of %s when it has a byte more', async (name, args) => {
    const command = name === 'SET' ? 'SET' : name === 'one of MSET' ? 'MSET' : 'EVAL'
    const body = [command, ...args]
    await expect(rest(redis, '/', { body })).resolves.toMatchObject({ status: 400, body: refused })
    const batch = [['SET', 'b', 1], body]
    await expect(rest(redis, '/pipeline', { body: batch })).resolves.toMatchObject({
      status: 200,
      body: [{ result: 'OK' }, refused],
    })
    await redis.flush()
    await expect(rest(redis, '/multi-exec', { body: batch })).resolves.toMatchObject({
      status: 400,
      body: refused,
    })
    await expect(rest(redis, '/exists/a/b')).resolves.toMatchObject({ body: { result: 0 } })
  })

  it('does not take a long value, field or script for a key', async () => {
    const long = 'x'.repeat(KEY_LIMIT + 1)
    const bodies = [
      ['SET', 'k', long, 'PX', 60_000],
      ['HSET', 'h', long, long],
      ['EVAL', `return #ARGV[1] -- ${long}`, 1, 'k', long],
    ]
    for (const body of bodies)
      await expect(rest(redis, '/', { body })).resolves.toMatchObject({ status: 200 })
  })
})

describe('a value', () => {
  const megabyte = 'aß漢😀"\\\n\u0000'.repeat(100_000)

  it.each([{}, { 'upstash-encoding': 'base64' }])(
    'returns 1 MB of unicode exactly with %j',
    async (headers) => {
      await rest(redis, '/', { body: ['SET', 'k', megabyte] })
      const { body } = await rest(redis, '/get/k', { headers })
      const { result } = body as { result: string }
      const decoded = 'upstash-encoding' in headers ? Buffer.from(result, 'base64').toString() : result
      // Compared without printing a megabyte when it fails.
      expect(decoded === megabyte).toBe(true)
    },
  )
})
