/** What holds for every command of the list. A command that is added needs an example here: the types ask for it. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CacheService } from '@/lib/core-services/cache/cacheService'
import { RedisCommands } from '@/lib/core-services/cache/redis/commands/commands'
import type { StrictCommands } from '@/lib/core-services/cache/redis/commands/strictCommands'
import { createTestCache } from '@/lib/testing/testCache'

type Name = keyof RedisCommands

/** Calls that Redis takes. Values are texts, so that each number in them is an argument of its own. */
const EXAMPLES: { [Each in Name]: Parameters<RedisCommands[Each]>[] } = {
  get: [['key']],
  set: [
    ['key', 'text', 60],
    ['key', 'text', { ex: 60 }],
    ['key', 'text', { px: 60_000 }],
    ['key', 'text', { exat: 4_000_000_000 }],
    ['key', 'text', { pxat: 4_000_000_000_000 }],
  ],
  del: [['key']],
  delete: [['key']],
  exists: [['key']],
  incr: [['counter']],
  expire: [['key', 60]],
  ttl: [['key']],
  mget: [['key', 'other']],
  mset: [[{ key: 'text' }]],
  hget: [['hash', 'field']],
  hset: [['hash', 'field', 'text']],
  hgetall: [['hash']],
  hdel: [['hash', 'field']],
  lpush: [['list', 'text']],
  rpush: [['list', 'text']],
  lpop: [['list']],
  rpop: [['list']],
  lrange: [['list', 0, -1]],
  sadd: [['set', 'text']],
  srem: [['set', 'text']],
  smembers: [['set']],
  sismember: [['set', 'text']],
  keysByPattern: [['*']],
  countByPattern: [['*']],
  deleteByPattern: [['*']],
  memoryUsageByPattern: [['*']],
}
const names = Object.getOwnPropertyNames(RedisCommands.prototype).filter(
  (name): name is Name => name !== 'constructor',
)
const calls = names.flatMap((name) => EXAMPLES[name].map((args) => ({ name, args: args as unknown[] })))

/** Each call with one of its numbers replaced, and the name of that argument. */
function replacedNumbers(bad: unknown): { name: Name; argument: string; args: unknown[] }[] {
  return calls.flatMap(({ name, args }) => {
    const parameters = /\((.*?)\)/.exec(String(RedisCommands.prototype[name]))?.[1]?.split(', ') ?? []
    const replaced = args.flatMap((arg, index) => {
      if (typeof arg === 'number') {
        const parameter = parameters[index] ?? ''
        if (parameter !== 'options') return [{ argument: parameter, args: args.with(index, bad) }]
        // A bare number is a ttl; anything else is refused as options.
        return typeof bad === 'number' ? [{ argument: 'ex', args: args.with(index, bad) }] : []
      }
      const options = typeof arg === 'object' ? Object.entries(Object(arg)) : []
      return options
        .filter(([, value]) => typeof value === 'number')
        .map(([option]) => ({ argument: option, args: args.with(index, { [option]: bad }) }))
    })
    return replaced.map((one) => ({ name, ...one }))
  })
}

const test = await createTestCache()
beforeEach(() => test.reset())

/** A command by its name, with arguments that the types would not allow. */
const call = async (commands: CacheService | StrictCommands, name: Name, args: unknown[]) =>
  Reflect.apply(commands[name], commands, args)

it('every command has an example', () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual(names.sort())
})

it.each(calls)('$name($args) answers the same by attempt', async ({ name, args }) => {
  const value = await call(test.cache, name, args)
  test.reset()
  expect(await test.cache.attempt((redis) => call(redis, name, args))).toEqual({ ok: true, value })
})

describe.each([Number.NaN, Number.POSITIVE_INFINITY, 1.5, '1', null, {}])('%j for a number', (bad) => {
  it.each(replacedNumbers(bad))(
    'a wrong number is refused by name: $argument of $name($args)',
    async ({ name, argument, args }) => {
      const refusal = {
        code: 'OPTIONS_INVALID',
        message: expect.stringMatching(`^The cache options cannot be used: ${argument} is .+, not a `),
      }
      await expect(call(test.cache, name, args)).rejects.toMatchObject(refusal)
      await expect(test.cache.attempt((redis) => call(redis, name, args))).rejects.toMatchObject(refusal)
      expect(test.counters.requests).toBe(0)
      expect(test.events.of('redis.degraded')).toEqual([])
    },
  )
})

it('NaN is no field of a hash', async () => {
  await expect(call(test.cache, 'hset', ['hash', Number.NaN, 'text'])).rejects.toMatchObject({
    code: 'KEY_INVALID',
    message: 'The field "NaN" of a hash cannot be used: it is NaN',
  })
})

it.each(calls)(
  '$name($args) rejects by attempt while Redis is down, and is reported under its name otherwise',
  async ({ name, args }) => {
    test.down()
    expect(await test.cache.attempt((redis) => call(redis, name, args))).toMatchObject({ ok: false })
    expect(test.events.of('redis.degraded')).toEqual([])
    await call(test.cache, name, args)
    const operation = name === 'delete' ? 'del' : name
    expect(test.events.of('redis.degraded')).toMatchObject([{ operation }])
  },
)
