/**
 * All that is known to differ between the embedded engine and redis-server in the commands of the project. What the
 * random requests of this folder leave out, or compare without its wording, is left out for one of these reasons.
 */
import type { RandomRequest, Words } from './randomRequests'

export interface KnownDifference {
  readonly what: string
  readonly why: string
  /** Sent in this order to both servers. */
  readonly requests: readonly RandomRequest[]
  /** What the JSON of the last answer matches on the embedded engine. */
  readonly embedded: RegExp
  /** What it matches on redis-server; neither matches both. */
  readonly redisServer: RegExp
}

const single = (...words: Words): RandomRequest => ({ path: '/', commands: [words] })
const transaction = (...commands: Words[]): RandomRequest => ({ path: '/multi-exec', commands })

const LETTERS = [...'qwertyuiopasdfghjklzxcvbnm']

export const knownDifferences: readonly KnownDifference[] = [
  {
    what: 'a malformed argument inside a transaction discards the whole',
    why: 'the embedded engine parses arguments when a command is queued, redis-server when it runs',
    requests: [transaction(['SET', 'k', 'v'], ['INCRBY', 'n', 'x'])],
    embedded: /^\{"error":"ERR value is not an integer or out of range"\}$/,
    redisServer: /^\[\{"result":"OK"\},\{"error":"ERR value is not an integer or out of range"\}\]$/,
  },
  {
    what: 'PING with two arguments discards a transaction',
    why: 'to redis-server it is a command of any number of arguments that complains when it runs',
    requests: [transaction(['PING', 1, 2])],
    embedded: /^\{"error"/,
    redisServer: /^\[\{"error"/,
  },
  {
    what: 'malformed arguments are refused in other words',
    why: 'the embedded engine has one text for all integers that it cannot use',
    requests: [single('LPOP', 'l', 'x')],
    embedded: /ERR value is not an integer or out of range/,
    redisServer: /ERR value is out of range, must be positive/,
  },
  {
    what: 'of two things that are wrong with a command, another one is told',
    why: 'the embedded engine looks at all arguments before it looks at the key',
    requests: [single('SADD', 's', 'x'), single('INCRBYFLOAT', 's', 'x')],
    embedded: /ERR value is not a valid float/,
    redisServer: /WRONGTYPE/,
  },
  {
    what: 'a script that answers 2 to the power of 63 answers it',
    why: 'redis-server answers it negative, as Lua knows no whole numbers of that size',
    requests: [single('EVAL', 'return 2^63', 0)],
    embedded: /^\{"result":9/,
    redisServer: /^\{"result":-9/,
  },
  {
    what: 'an option of SET that is given twice is refused',
    why: 'redis-server takes the last one',
    requests: [single('SET', 'k', 'v', 'PX', 100_000, 'PX', 200_000)],
    embedded: /ERR syntax error/,
    redisServer: /OK/,
  },
  {
    what: 'INCRBYFLOAT rounds to 16 digits',
    why: 'the embedded engine counts in doubles, redis-server in long doubles',
    requests: [single('SET', 'n', '9223372036854775807'), single('INCRBYFLOAT', 'n', '0.5')],
    embedded: /"9223372036854776000"/,
    redisServer: /"9223372036854775807\.5"/,
  },
  {
    what: 'an empty score is taken for 0',
    why: 'the embedded engine reads numbers as JavaScript does',
    requests: [single('ZADD', 'z', '', 'member')],
    embedded: /"result":1/,
    redisServer: /ERR value is not a valid float/,
  },
  {
    what: 'an error inside a script is told in other words, with another SHA',
    why: 'the embedded engine has its own texts, and runs scripts without their first line if that is a shebang',
    requests: [single('EVAL', "#!lua flags=allow-key-locking\nreturn redis.call('GET')", 0)],
    embedded: /ERR wrong number of arguments for 'get' command script: /,
    redisServer: /ERR Wrong number of args calling Redis command from script/,
  },
  {
    what: 'keys come in the order in which they were set',
    why: 'the embedded engine keeps them in a Map; redis-server promises no order at all',
    requests: [...LETTERS.map((letter) => single('SET', letter, 1)), single('KEYS', '*')],
    embedded: RegExp(LETTERS.join('","')),
    redisServer: RegExp(`^(?!.*${LETTERS.join('","')})`),
  },
  {
    what: 'MEMORY USAGE is an estimate',
    why: 'the embedded engine tells the size of a serialised copy, redis-server what it allocated, by the word',
    requests: [single('SET', 'k', 'v'.repeat(101)), single('MEMORY', 'USAGE', 'k')],
    embedded: /"result":1\d*[13579]\}/,
    redisServer: /"result":1\d*[02468]\}/,
  },
  {
    what: 'XADD does not know an exact MAXLEN that is marked as such',
    why: 'missing in the embedded engine, which takes MAXLEN without a mark, and ~',
    requests: [single('XADD', 's', 'MAXLEN', '=', 1, '1-1', 'f', 'v')],
    embedded: /ERR syntax error/,
    redisServer: /"1-1"/,
  },
  {
    what: 'there is no OBJECT',
    why: 'missing in the embedded engine; so are DUMP and RESTORE',
    requests: [single('SET', 'k', 'v'), single('OBJECT', 'ENCODING', 'k')],
    embedded: /ERR unknown command 'OBJECT'/,
    redisServer: /embstr/,
  },
]

const MALFORMED = [
  'value is not an integer or out of range',
  'value is out of range, must be positive',
  'value is not a valid float',
  'syntax error',
  'invalid cursor',
  "invalid expire time in '\\w+' command",
  'Unsupported option \\w+',
  '(NX and XX, GT or LT|GT and LT) options at the same time are not compatible',
].map((text) => RegExp(`^ERR ${text}$`))

/** A refusal without what is known to differ: inside scripts all but its kind, for malformed arguments the wording. */
export function getRefusal(name: string, error: string): string {
  if (name === 'EVAL') return error.split(' ', 1).join()
  return MALFORMED.some((text) => text.test(error)) ? 'malformed arguments' : error
}
