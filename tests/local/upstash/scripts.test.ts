import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { withoutVendorFlag } from '@/local/upstash/dialect'
import { redisForThisFile } from '../../kit/redis/redisSuite'
import { rest } from '../../kit/redis/testRedis'

const redis = redisForThisFile()
beforeEach(async () => {
  await redis.flush()
  await command('SCRIPT', 'FLUSH')
})

const command = (...body: unknown[]) => rest(redis, '/', { body })
const sha1 = (script: string): string => createHash('sha1').update(script).digest('hex')
const SCRIPT = '#!lua flags=allow-key-locking\nreturn redis.call("INCRBY", KEYS[1], ARGV[1])'

describe('a script that begins with #!lua flags=allow-key-locking', () => {
  it('a flagged script runs with EVAL, and then under the SHA of the text that was sent', async () => {
    await expect(command('EVAL', SCRIPT, 1, 'n', 5)).resolves.toMatchObject({ body: { result: 5 } })
    await expect(command('EVALSHA', sha1(SCRIPT), 1, 'n', 5)).resolves.toMatchObject({ body: { result: 10 } })
    await expect(command('evalsha', sha1(SCRIPT).toUpperCase(), 1, 'n', 5)).resolves.toMatchObject({
      body: { result: 15 },
    })
  })

  it('a flagged script loads under the SHA of the text that was sent', async () => {
    const other = SCRIPT.replace('INCRBY', 'DECRBY')
    await expect(command('SCRIPT', 'LOAD', other)).resolves.toMatchObject({ body: { result: sha1(other) } })
    await expect(command('EVALSHA', sha1(other), 1, 'n', 5)).resolves.toMatchObject({ body: { result: -5 } })
    await expect(command('SCRIPT', 'EXISTS', sha1(other), sha1('never sent'))).resolves.toMatchObject({
      body: { result: [1, 0] },
    })
  })

  it('a flagged script is unknown again when the engine has forgotten it', async () => {
    await command('EVAL', SCRIPT, 1, 'n', 5)
    await command('SCRIPT', 'FLUSH')
    await expect(command('EVALSHA', sha1(SCRIPT), 1, 'n', 5)).resolves.toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(/^NOSCRIPT /) },
    })
  })

  it('a flagged script runs read-only, in a pipeline and in a transaction', async () => {
    await command('SET', 'n', 7)
    const read = '#!lua flags=no-writes,allow-key-locking\nreturn redis.call("GET", KEYS[1])'
    await expect(command('EVAL_RO', read, 1, 'n')).resolves.toMatchObject({ body: { result: '7' } })
    await expect(command('EVALSHA_RO', sha1(read), 1, 'n')).resolves.toMatchObject({ body: { result: '7' } })
    const body = [
      ['EVAL', SCRIPT, 1, 'n', 1],
      ['EVALSHA', sha1(SCRIPT), 1, 'n', 1],
      ['SCRIPT', 'LOAD', SCRIPT],
    ]
    await expect(rest(redis, '/pipeline', { body })).resolves.toMatchObject({
      body: [{ result: 8 }, { result: 9 }, { result: sha1(SCRIPT) }],
    })
    await expect(rest(redis, '/multi-exec', { body })).resolves.toMatchObject({
      body: [{ result: 10 }, { result: 11 }, { result: sha1(SCRIPT) }],
    })
  })
})

describe('any other script', () => {
  it('any other script runs and loads as it was sent', async () => {
    const script = '-- #!lua flags=allow-key-locking\nreturn ARGV[1]'
    await expect(command('EVAL', script, 0, 'x')).resolves.toMatchObject({ body: { result: 'x' } })
    await expect(command('SCRIPT', 'LOAD', script)).resolves.toMatchObject({ body: { result: sha1(script) } })
    await expect(command('EVALSHA', sha1(script), 0, 'y')).resolves.toMatchObject({ body: { result: 'y' } })
  })

  it('a failing script names the line', async () => {
    const script = '#!lua flags=allow-key-locking\n\nreturn redis.call("NOSUCH")'
    const { status, body } = await command('EVAL', script, 0)
    expect(status).toBe(400)
    expect(body).toEqual({ error: expect.stringMatching(/user_script:3/) })
  })
})

describe('the rewriting of a shebang', () => {
  it.each([
    ['#!lua flags=allow-key-locking\nx', '#!lua\nx'],
    ['#!lua flags=no-writes,allow-key-locking\nx', '#!lua flags=no-writes\nx'],
    ['#!lua flags=allow-key-locking,allow-oom name=f\nx', '#!lua flags=allow-oom name=f\nx'],
    ['#!lua name=f flags=allow-key-locking\nx', '#!lua name=f\nx'],
    ['#!lua\nx', '#!lua\nx'],
    ['#!lua\n-- flags=allow-key-locking', '#!lua\n-- flags=allow-key-locking'],
    ['return "#!lua flags=allow-key-locking"', 'return "#!lua flags=allow-key-locking"'],
  ])('turns %j into %j', (script, rewritten) => {
    expect(withoutVendorFlag(script)).toBe(rewritten)
  })
})
