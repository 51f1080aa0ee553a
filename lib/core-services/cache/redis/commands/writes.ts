/** The commands that write a key which may be that of a field: one command more tells whether it is. */
import { encodeValue } from '../json'
import type { Argument, Command, RawReply } from '../pipeline'
import { type CacheOptions, setArguments, wholeSeconds } from './setOptions'
import { readList, readNumber, type Wire } from './wire'

const CONDITIONAL = ['NX', 'XX', 'GET', 'KEEPTTL']

export async function setKey<T>(
  { fields, asksFirst, send, sendAll, physical, open }: Wire,
  key: string,
  value: T,
  options?: number | CacheOptions,
): Promise<'OK' | T | null> {
  const args = setArguments(options)
  const text = encodeValue(value)
  if (fields.isConfigured(key)) return fields.set(key, value, options)
  if (asksFirst && CONDITIONAL.some((option) => args.includes(option))) {
    // `nx` and `xx` go by what readers see: Redis still holds an entry that was invalidated.
    if ((await send('GET', fields.tokenName(key))) !== null) return fields.set(key, value, options)
  }
  const [reply = null, token] = await sendAll([
    ['SET', physical(key), text, ...args],
    ['GET', fields.tokenName(key)],
  ])
  const before = args.includes('GET') ? await open<T>(key, reply) : null
  if (token == null) fields.forget([key])
  else if (isSet(args, reply)) {
    // `nx` and `xx` were met: the SET was done.
    const unconditional = { nx: false, xx: false, get: false }
    const given = typeof options === 'object' ? { ...options, ...unconditional } : options
    const outcome = await fields.set(key, value, given)
    if (!args.includes('GET')) return outcome
  }
  return args.includes('GET') ? before : (reply as 'OK' | null)
}

/** All at once, but for the keys of fields. */
export async function setKeys(
  { fields, sendAll, physical }: Wire,
  entries: Record<string, unknown>,
): Promise<'OK' | null> {
  const texts = Object.entries(entries).map(([key, value]) => [key, encodeValue(value)] as const)
  const plain = texts.filter(([key]) => !fields.isConfigured(key))
  const [, tokens] =
    plain.length === 0
      ? []
      : await sendAll([
          ['MSET', ...plain.flatMap(([key, text]) => [physical(key), text])],
          ['MGET', ...plain.map(([key]) => fields.tokenName(key))],
        ])
  const found = plain.filter((_, index) => readList(tokens ?? [])[index] != null)
  fields.forget(plain.filter((pair) => !found.includes(pair)).map(([key]) => key))
  const ofFields = [...found, ...texts.filter((pair) => !plain.includes(pair))]
  const set = await Promise.all(ofFields.map(([key]) => fields.set(key, entries[key])))
  return set.every((outcome) => outcome === 'OK') ? 'OK' : null
}

export async function expireKey(
  { fields, sendAll, physical }: Wire,
  key: string,
  seconds: number,
): Promise<number> {
  const expiry: Command = ['EXPIRE', physical(key), wholeSeconds('seconds', seconds)]
  const [exists = null, token] = await sendAll([expiry, ['GET', fields.tokenName(key)]])
  if (readNumber(exists) === 0) return 0
  return token != null ? fields.expire(key, seconds) : 1
}

/** Whether a SET was done, by its reply. */
function isSet(args: readonly Argument[], reply: RawReply): boolean {
  if (!args.includes('GET')) return reply !== null
  if (args.includes('NX')) return reply === null
  return !args.includes('XX') || reply !== null
}
