import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EXTEND_LOCKS_SCRIPT } from '@/lib/core-services/cache/coordination/scripts/extendLocks'
import { RELEASE_LOCKS_SCRIPT } from '@/lib/core-services/cache/coordination/scripts/releaseLocks'
import { TAKE_LOCKS_SCRIPT } from '@/lib/core-services/cache/coordination/scripts/takeLocks'
import { createFieldStore, type FieldStore } from '@/lib/core-services/cache/fields/store/fieldStore'
import { createKeySpace } from '@/lib/core-services/cache/redis/commands/keySpace'
import { defaultPorts } from '@/lib/shared/ports'
import { manualClock } from '@/lib/testing/clock'
import { createMemoryUpstash } from '@/lib/testing/memoryUpstash'
import { type Command, createMemoryRedis } from '@/lib/testing/redis/memoryRedis'
import { cacheFor, settings } from '../kit/fields/cache'
import { redisForThisFile } from '../kit/redis/redisSuite'
import { rest } from '../kit/redis/testRedis'
import { settled } from '../kit/simulation/network'

const redis = redisForThisFile()

type Call = (store: FieldStore) => Promise<unknown>

function simulatedStore(): FieldStore {
  const simulated = createMemoryRedis(() => 0)
  const keys = createKeySpace({
    prefix: settings.keyPrefix,
    version: settings.keyVersion,
    maxLength: settings.maxKeyLength,
  })
  return createFieldStore(
    async (...command) => simulated.execute(command),
    settled(async (commands: readonly Command[]) => commands.map((command) => simulated.execute(command))),
    100,
    keys,
    defaultPorts,
  )
}

/** Few names and few tokens, so that calls meet. */
const entry = fc.constantFrom('e0', 'e1')
const guard = fc.constantFrom('g0', 'g1', 'g2')
const token = fc.constantFrom('t0', 't1', 't2')
const text = fc.constantFrom('old', 'new')
const ttl = fc.constantFrom<number | 'forever'>(60, 'forever')
const guarded = fc.uniqueArray(fc.tuple(guard, token), {
  minLength: 1,
  maxLength: 2,
  selector: ([name]) => name,
})
const lease = fc.record({
  flight: fc.constantFrom('f0', 'f1'),
  holder: token,
  milliseconds: fc.constant(60_000),
})

const named = (store: FieldStore, pairs: readonly [string, string][]) =>
  pairs.map(([name, value]) => [store.names.guard(name), value] as const)
const leaseIn = (
  store: FieldStore,
  { flight, ...rest }: { flight: string; holder: string; milliseconds: number },
) => ({
  name: store.names.lease('key', flight),
  ...rest,
})

const call = fc.oneof<fc.Arbitrary<Call>[]>(
  fc.tuple(entry, text, ttl).map(
    ([e, t, s]) =>
      (store) =>
        store.write(store.names.entry(e), t, s),
  ),
  fc.tuple(entry).map(
    ([e]) =>
      (store) =>
        store.remove(store.names.entry(e)),
  ),
  guarded.map((pairs) => (store) => store.writeTokens(written(store, pairs))),
  fc.tuple(guarded, fc.option(lease, { nil: undefined })).map(
    ([pairs, l]) =>
      (store) =>
        store.createTokens(written(store, pairs), l && leaseIn(store, l)),
  ),
  guarded.map((pairs) => (store) => createdAndRead(store, pairs)),
  lease.map((l) => (store) => store.takeLease(leaseIn(store, l))),
  fc.tuple(lease, fc.array(token, { maxLength: 3 })).map(
    ([l, replaces]) =>
      (store) =>
        store.takeLease({ ...leaseIn(store, l), replaces }),
  ),
  lease.map((l) => (store) => store.endLease(leaseIn(store, l), 'failed', l.milliseconds)),
  fc.record({ entry, text, ttl, expected: guarded, own: token, seconds: fc.constantFrom(60, undefined) }).map(
    ({ expected, seconds, ...write }) =>
      (store) =>
        store.writeForced({
          ...write,
          entry: store.names.entry(write.entry),
          expected: named(store, expected),
          own: { token: write.own, seconds },
        }),
  ),
)

/** The token of one of the guards expires, as those of members of families do. */
const written = (store: FieldStore, pairs: readonly [string, string][]) =>
  pairs.map(([name, value]) => ({
    name: store.names.guard(name),
    token: value,
    seconds: name === 'g2' ? 60 : undefined,
  }))

async function createdAndRead(store: FieldStore, pairs: readonly [string, string][]): Promise<unknown> {
  const names = named(store, pairs).map(([name]) => name)
  const lasting = named(store, pairs).map(([name, value]) => ({ name, token: value }))
  const snapshot = await store.createAndRead(lasting, names)
  return names.map(snapshot.get)
}

async function everythingIn(store: FieldStore): Promise<unknown> {
  const names = [
    ...['e0', 'e1'].map(store.names.entry),
    ...['g0', 'g1', 'g2'].map(store.names.guard),
    ...['f0', 'f1'].map((flight) => store.names.lease('key', flight)),
  ]
  const snapshot = await store.read(names)
  return names.map(snapshot.get)
}

it('answers the commands and scripts of fields, and then holds the same as a real one', async () => {
  const { cache } = cacheFor(redis)
  await cache.initialize()
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
      await redis.flush()
      const simulated = simulatedStore()
      for (const one of calls) {
        expect(await one(simulated)).toEqual(await one(cache.fieldStore))
        expect(await everythingIn(simulated)).toEqual(await everythingIn(cache.fieldStore))
      }
    }),
    { numRuns: 150 },
  )
}, 60_000)

/** Few names, so that commands meet, also those that take another kind of value. */
const name = fc.constantFrom('a', 'b')
const piece = fc.constantFrom('1', '-7', 'x', 'ñ', '')
const expiry = fc.constantFrom(
  [],
  ['EX', 100],
  ['PX', 100_000],
  ['KEEPTTL'],
  ['EX', 100, 'NX'],
  ['XX'],
  ['EX', 0],
  ['PX', -5, 'XX'],
  ['EXAT', 1],
  ['PXAT', 0, 'NX'],
)
const pattern = fc.constantFrom(
  '*',
  'a',
  '?',
  'a*',
  '[a-c]',
  '[^a]',
  '\\a',
  'z*',
  '[ab',
  '[c-a]',
  '[\\d]',
  '[]',
  '[^]',
)
const index = fc.integer({ min: -4, max: 4 })
const lockName = fc.uniqueArray(fc.constantFrom('lock 1', 'lock 2'), { minLength: 1 })

const rawCommand: fc.Arbitrary<Command> = fc.oneof(
  ...['GET', 'STRLEN', 'INCR', 'TTL', 'PTTL', 'TYPE', 'HGETALL', 'LPOP', 'RPOP', 'SMEMBERS'].map((command) =>
    name.map((one): Command => [command, one]),
  ),
  ...['HGET', 'HDEL', 'SADD', 'SREM', 'SISMEMBER', 'LPUSH', 'RPUSH'].map((command) =>
    fc.tuple(name, piece).map((args): Command => [command, ...args]),
  ),
  ...['MGET', 'DEL', 'UNLINK', 'EXISTS'].map((command) =>
    fc.constant<Command>([command, 'a', 'b', 'absent']),
  ),
  fc.tuple(name, piece, expiry).map(([one, text, options]): Command => ['SET', one, text, ...options]),
  fc.tuple(name, piece).map(([one, text]): Command => ['SET', one, text, 'GET']),
  fc.tuple(name, piece, piece).map(([one, first, second]): Command => ['MSET', one, first, 'c', second]),
  fc.tuple(name, piece).map(([one, text]): Command => ['MSETNX', one, text, 'c', text]),
  fc.tuple(name, index).map(([one, by]): Command => ['INCRBY', one, by]),
  fc.tuple(name, fc.constantFrom(100, 0, -1)).map(([one, time]): Command => ['EXPIRE', one, time]),
  fc.tuple(name, fc.constantFrom(100_000, 0)).map(([one, time]): Command => ['PEXPIRE', one, time]),
  fc.tuple(name, piece, piece).map(([one, field, text]): Command => ['HSET', one, field, text]),
  fc.tuple(name, index, index).map((args): Command => ['LRANGE', ...args]),
  fc.tuple(name, fc.nat(4), fc.nat(4)).map((args): Command => ['GETRANGE', ...args]),
  pattern.map((glob): Command => ['SCAN', '0', 'MATCH', glob, 'COUNT', 1_000]),
  name.map((one): Command => ['MEMORY', 'USAGE', one]),
  fc.constant<Command>(['NOSUCH', 'a']),
  fc.constant<Command>(['PING']),
  fc
    .tuple(lockName, fc.constantFrom('h1', 'h2'))
    .map(
      ([names, by]): Command => [
        'EVAL',
        TAKE_LOCKS_SCRIPT,
        names.length + 1,
        ...names,
        'fence',
        by,
        60_000,
        500,
      ],
    ),
  ...[EXTEND_LOCKS_SCRIPT, RELEASE_LOCKS_SCRIPT].map((script) =>
    fc
      .tuple(lockName, fc.constantFrom('h1', 'h2'))
      .map(([names, by]): Command => ['EVAL', script, names.length, ...names, by, 60_000]),
  ),
)

/** Order where Redis promises none, what is left of a time while it passes, and the words of refusals are its own. */
function comparable([command, ...args]: Command, { status, body }: { status: number; body: unknown }) {
  const { result, error } = body as { result?: unknown; error?: string }
  if (error !== undefined) return { status, refusal: error.split(' ')[0] }
  if (command.endsWith('TTL') && Number(result) > 0)
    return { status, result: Math.round(Number(result) / (command === 'TTL' ? 10 : 10_000)) }
  if (command === 'MEMORY') return { status, isThere: result !== null }
  if (command === 'SCAN') return { status, names: (result as [string, string[]])[1].toSorted() }
  if (command === 'SMEMBERS' || command === 'HGETALL')
    return { status, of: args[0], result: (result as string[]).toSorted() }
  return { status, result }
}

/** MEMORY USAGE counts a key that has expired until another command has removed it: here one does. */
function withoutEndedKeys(command: Command): Command[] {
  const [name, , key = ''] = command
  return name === 'MEMORY' ? [['EXISTS', key], command] : [command]
}

it('answers commands for values of every type as a real one behind Upstash does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(rawCommand, { minLength: 1, maxLength: 12 }), async (drawn) => {
      await redis.flush()
      const commands = drawn.flatMap(withoutEndedKeys)
      const memory = createMemoryUpstash(manualClock(), 250)
      const send = async (path: string, body: unknown) => {
        const init = { body: new TextEncoder().encode(JSON.stringify(body)) }
        const response = await memory.fetch(`http://redis.test${path}`, init)
        return { status: response.status, body: (await response.json()) as unknown }
      }
      for (const command of commands) {
        const [ours, theirs] = [await send('/', command), await rest(redis, '/', { body: command })]
        expect({ command, ...comparable(command, ours) }).toEqual({
          command,
          ...comparable(command, theirs),
        })
      }
      const both = [await send('/pipeline', commands), await rest(redis, '/pipeline', { body: commands })]
      const [ours, theirs] = both.map(({ status, body }) =>
        (body as unknown[]).map((one, at) => comparable(commands[at] as Command, { status, body: one })),
      )
      expect(ours).toEqual(theirs)
    }),
    { numRuns: 300 },
  )
}, 60_000)
