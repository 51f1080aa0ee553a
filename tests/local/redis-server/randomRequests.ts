import fc from 'fast-check'
import { projectScripts } from './projectScripts'

/** A command as it stands in JSON. */
export type Words = readonly (string | number)[]

/** One HTTP request with its commands. */
export interface RandomRequest {
  readonly path: '/' | '/pipeline' | '/multi-exec'
  readonly commands: readonly Words[]
}

/** Few, so that commands meet. */
const key = fc.constantFrom('a', 'b', 'c', 'ünusual kéy: {x}')
const field = fc.constantFrom('f', 'g', '1', '')
/** Values that servers may treat differently: numbers and almost-numbers, their limits, empty, long, unicode, JSON. */
const value = fc.constantFrom(
  ...['', '0', '7', '-3', '1.5', ' 12', '1e3', '+5', 'OK', 'null', 'text', 'ünï😀\r\n\u0000', '{"n":[1,2]}'],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808', 'x'.repeat(1_000)],
)
const integer = fc.constantFrom<string | number>(0, 1, -1, 5, '10', '-2', '9223372036854775807')
const index = fc.constantFrom(0, 1, -1, 2, -2, 5, -5)
/** Times that outlast any test. */
const seconds = fc.constantFrom<string | number>(100, 3_600, '86400')
const milliseconds = fc.constantFrom<string | number>(100_000, 3_600_000, '86400000')
/** Never the same twice: of two equal times the later one lasts longer, if only by what lay between them. */
const differentSeconds = fc.integer({ min: 100_000, max: 1_000_000_000 })
const overAtOnce = fc.constantFrom(0, -1)
const noInteger = fc.constantFrom('x', '', '1.5', '9223372036854775808', ' 1')

const times = <T>(item: fc.Arbitrary<T>, max = 3): fc.Arbitrary<T[]> =>
  fc.array(item, { minLength: 1, maxLength: max })
const pairs = <A, B>(one: fc.Arbitrary<A>, other: fc.Arbitrary<B>): fc.Arbitrary<(A | B)[]> =>
  times(fc.tuple(one, other)).map((list) => list.flat())
const oneOf = (...options: Words[]): fc.Arbitrary<Words> => fc.constantFrom(...options)

const command = (name: string, ...parts: fc.Arbitrary<string | number | Words>[]): fc.Arbitrary<Words> =>
  fc.tuple(fc.constantFrom(name, name.toLowerCase()), ...parts).map((words) => words.flat())

const expiry = fc.oneof(
  fc.tuple(fc.constantFrom('EX', 'ex'), seconds),
  fc.tuple(fc.constantFrom('PX', 'px'), milliseconds),
  fc.constantFrom<Words>(['EXAT', 4_000_000_000], ['PXAT', 4_000_000_000_000], ['exat', 1], ['PXAT', 1]),
  oneOf(['KEEPTTL'], [], []),
)
const setOptions = fc
  .tuple(expiry, oneOf([], [], ['NX'], ['xx']), oneOf([], [], ['GET']), fc.boolean())
  .map(([first, second, third, turned]) => (turned ? [third, second, first] : [first, second, third]).flat())

const strings = [
  command('SET', key, value, setOptions),
  command('SET', key, value),
  command('GET', key),
  command('MGET', times(key, 4)),
  command('MSET', pairs(key, value)),
  command('MSETNX', pairs(key, value)),
  command('INCR', key),
  command('INCRBY', key, integer),
  command('DECR', key),
  // On a key of its own: long numbers come out differently, see ./knownDifferences.
  command('INCRBYFLOAT', fc.constant('float'), fc.constantFrom('0.5', 3, '-2.25', '1e2')),
  command('APPEND', key, value),
  command('STRLEN', key),
  command('GETDEL', key),
]
const keys = [
  command('EXPIRE', key, fc.oneof(seconds, overAtOnce), oneOf([], ['NX'], ['xx'])),
  command('EXPIRE', key, differentSeconds, oneOf(['GT'], ['LT'], ['XX', 'gt'])),
  command('PEXPIRE', key, fc.oneof(milliseconds, overAtOnce), oneOf([], ['nx'])),
  command('TTL', key),
  command('PTTL', key),
  command('PERSIST', key),
  command('DEL', times(key)),
  command('UNLINK', times(key)),
  command('EXISTS', times(key)),
  command('TYPE', key),
  command(
    'SCAN',
    fc.constant(0),
    oneOf([], ['MATCH', '[ab]*'], ['TYPE', 'hash']),
    fc.constant(['COUNT', 1_000]),
  ),
]
const collections = [
  command('HSET', key, pairs(field, value)),
  command('HGET', key, field),
  command('HMGET', key, times(field)),
  command('HGETALL', key),
  command('HDEL', key, times(field)),
  command('HLEN', key),
  command('HEXISTS', key, field),
  command('HINCRBY', key, field, integer),
  command('LPUSH', key, times(value)),
  command('RPUSH', key, times(value)),
  command('LPOP', key, oneOf([], [], [2], [0])),
  command('RPOP', key, oneOf([], [], [2])),
  command('LRANGE', key, index, index),
  command('LLEN', key),
  command('SADD', key, times(value)),
  command('SREM', key, times(value)),
  command('SMEMBERS', key),
  command('SISMEMBER', key, value),
  command('SCARD', key),
  command('ZADD', key, pairs(fc.constantFrom(1, 2.5, -3), value)),
  command('ZRANGE', key, fc.constant([0, -1, 'WITHSCORES'])),
]
const scriptArguments = fc
  .tuple(times(key), times(value, 5))
  .map(([names, args]) => [names.length, ...names, ...args])
/** Those of locks: a holder, a time, and where a counter begins. */
const timedArguments = fc
  .tuple(times(key), value, milliseconds, fc.constantFrom<string | number>(1_000, 'x'))
  .map(([names, ...args]) => [names.length, ...names, ...args])
const scripts = projectScripts.map((script) =>
  command('EVAL', fc.constant(script), /'PX'|'PEXPIRE'/.test(script) ? timedArguments : scriptArguments),
)

const wellFormed = fc.oneof(
  ...strings,
  ...keys,
  ...collections,
  ...scripts,
  oneOf(
    ['PING'],
    ['ECHO', 'x'],
    ['GET'],
    ['SET', 'a'],
    ['MSET', 'a'],
    ['HSET', 'a', 'f'],
    ['NOSUCH', 'a'],
    ['LPUSH', 'a'],
  ),
)

/** What both engines refuse for its arguments, where they stand. */
const malformed = fc.oneof(
  command('SET', key, value, fc.constantFrom('EX', 'PX'), fc.oneof(overAtOnce, noInteger)),
  command('SET', key, value, fc.constantFrom('EXAT', 'PXAT'), fc.oneof(overAtOnce, noInteger)),
  command('SET', key, value, oneOf(['NX', 'XX'], ['EX'], ['BAD'], ['EX', 1, 'PX', 1], ['EX', 1, 'KEEPTTL'])),
  command('MSET', key, value, key),
  command('INCRBY', key, noInteger),
  command('EXPIRE', key, noInteger),
  command('EXPIRE', key, seconds, oneOf(['NX', 'XX'], ['BAD'], ['GT', 'LT'])),
  command('PEXPIRE', key, fc.constantFrom('x', '9223372036854775807')),
  command('HINCRBY', key, field, noInteger),
  command('LPOP', key, fc.oneof(noInteger, fc.constant(-1))),
  command('LRANGE', key, index, noInteger),
  command('ZADD', key, fc.constantFrom('x', '1,5'), value),
  command('SCAN', fc.constantFrom('x', '-')),
)

const request: fc.Arbitrary<RandomRequest> = fc.oneof(
  fc.oneof(wellFormed, malformed).map((one) => ({ path: '/' as const, commands: [one] })),
  fc.record({
    path: fc.constant('/pipeline' as const),
    commands: times(fc.oneof({ weight: 9, arbitrary: wellFormed }, { weight: 1, arbitrary: malformed }), 8),
  }),
  fc.record({ path: fc.constant('/multi-exec' as const), commands: times(wellFormed, 8) }),
)

/** What one client sends, request after request. */
export const randomRequests: fc.Arbitrary<RandomRequest[]> = fc.array(request, {
  minLength: 1,
  maxLength: 15,
})
