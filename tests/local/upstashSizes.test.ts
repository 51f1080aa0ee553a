import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../support/redisSuite'
import { rest } from '../support/testRedis'

const LIMIT = 10_485_760

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const tooLarge = (bytes: number) => ({
  status: 400,
  body: { error: `ERR max request size exceeded. Limit: ${LIMIT} bytes, Actual: ${bytes} bytes` },
})

/** A SET whose JSON body has exactly so many bytes. */
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
    'is refused at %s when it has a byte more',
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

  it('is replaced by an error when it has more, for one command and for a batch', async () => {
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

describe('a value', () => {
  const megabyte = 'aß漢😀"\\\n\u0000'.repeat(100_000)

  it.each([{}, { 'upstash-encoding': 'base64' }])(
    'of 1 MB of unicode comes back exactly with %j',
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
