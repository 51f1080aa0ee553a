import { beforeEach, describe, expect, it } from 'vitest'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(() => redis.flush())

const command = (...body: unknown[]) => rest(redis, '/', { body })
const pipeline = (...body: unknown[]) => rest(redis, '/pipeline', { body })
const transaction = (...body: unknown[]) => rest(redis, '/multi-exec', { body })
const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'

describe.each(['/pipeline', '/multi-exec'])('%s', (path) => {
  it.each([
    [[], 'ERR empty pipeline request'],
    [['GET', 'k'], 'ERR failed to parse pipeline request'],
    [{ 0: ['GET'] }, 'ERR failed to parse pipeline request'],
    ['[["GET"', 'ERR failed to parse pipeline request'],
  ])('refuses %j as a whole', async (body, error) => {
    await expect(rest(redis, path, { body })).resolves.toMatchObject({ status: 400, body: { error } })
  })

  it('answers each command in its place, an error of the engine included', async () => {
    const body = [
      ['SET', 'k', 'v'],
      ['LPUSH', 'k', 'x'],
      ['GET', 'k'],
      ['DEL', 'k', 'none'],
    ]
    await expect(rest(redis, path, { body })).resolves.toMatchObject({
      status: 200,
      body: [{ result: 'OK' }, { error: WRONG_TYPE }, { result: 'v' }, { result: 1 }],
    })
  })
})

describe('a pipeline', () => {
  it('a pipeline runs what it can, and reports the errors of the rest', async () => {
    await expect(
      pipeline(['SET', 'a', 1], ['SET', 'b', null], [], ['NOSUCH', 'x'], ['BLPOP', 'l', 0], ['INCR', 'a']),
    ).resolves.toMatchObject({
      status: 200,
      body: [
        { result: 'OK' },
        { error: 'ERR null args are not supported' },
        { error: 'ERR empty command' },
        { error: expect.stringMatching(/^ERR unknown command 'NOSUCH'/) },
        { error: "ERR Command is not available: 'BLPOP'" },
        { result: 2 },
      ],
    })
  })

  it('a pipeline lets other requests come in between its commands', async () => {
    const length = 3_000
    let done = false
    const long = pipeline(...Array.from({ length }, () => ['INCR', 'n'])).finally(() => {
      done = true
    })
    const seen: number[] = []
    while (!done) {
      const { body } = await command('GET', 'n')
      seen.push(Number((body as { result: string | null }).result))
    }
    await expect(long).resolves.toMatchObject({ status: 200 })
    expect(seen.filter((count) => count > 0 && count < length)).not.toEqual([])
  })
})

describe('a transaction', () => {
  it.each([
    ['a command the engine does not know', ['NOSUCH', 'x'], /^ERR unknown command 'NOSUCH'/],
    ['wrong arguments', ['GET'], /^ERR wrong number of arguments for 'get' command/],
    ['a command that is not available', ['SUBSCRIBE', 'c'], /^ERR Command is not available: 'SUBSCRIBE'/],
    ['an argument of a wrong kind', ['GET', null], /^ERR null args are not supported/],
  ])('a transaction does nothing at all when it contains %s', async (_, bad, error) => {
    await expect(transaction(['SET', 'k', 'v'], bad, ['SET', 'l', 'v'])).resolves.toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(error) },
    })
    await expect(command('EXISTS', 'k', 'l')).resolves.toMatchObject({ body: { result: 0 } })
  })

  it('a transaction is not affected by one that was discarded before it', async () => {
    const [bad, good] = await Promise.all([
      transaction(['GET']),
      transaction(['SET', 'k', 'v'], ['GET', 'k']),
    ])
    expect(bad.status).toBe(400)
    expect(good).toMatchObject({ status: 200, body: [{ result: 'OK' }, { result: 'v' }] })
  })

  it('a transaction is never interleaved with concurrent commands', async () => {
    // Each pair sees the counter unchanged, unless another command came in between.
    const transactions = Array.from({ length: 60 }, () =>
      transaction(['INCR', 'n'], ['GET', 'n'], ['INCR', 'n']),
    )
    const disturbers = [
      ...Array.from({ length: 60 }, () => command('INCR', 'n')),
      ...Array.from({ length: 10 }, () => pipeline(...Array.from({ length: 10 }, () => ['INCR', 'n']))),
    ]
    const results = await Promise.all(transactions)
    await Promise.all(disturbers)
    for (const { body } of results) {
      const [first] = body as [{ result: number }]
      expect(body).toEqual([first, { result: String(first.result) }, { result: first.result + 1 }])
    }
    await expect(command('GET', 'n')).resolves.toMatchObject({ body: { result: String(60 * 2 + 60 + 100) } })
  })
})
