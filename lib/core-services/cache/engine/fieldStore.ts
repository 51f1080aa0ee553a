/**
 * What the fields ask of Redis. Each method rejects with a REDIS_ error; the callers decide what that means. Names are
 * physical ones, made by `names`.
 */
import { redisBadReply } from './errors'
import type { KeySpace } from './keys'
import type { Ports } from './ports'
import type { RawReply, Send } from './send'
import { SHEBANG } from './shebang'
import { shortHash } from './shortHash'
import { createTickReads, type Snapshot } from './tickReads'
import type { Token } from './tokens'

export interface StoreNames {
  entry(key: string): string
  /** The version key of a guard, such as `tag:people`. */
  guard(guard: string): string
  /** The lease of one flight: the fetch of one key under certain tokens. */
  lease(key: string, flight: string): string
}

export interface Lease {
  name: string
  holder: Token
  milliseconds: number
}

export interface ForcedWrite {
  entry: string
  text: string
  ttl: number | 'forever'
  /** Version keys with the tokens that must still stand; the first is the entry's own. */
  expected: readonly (readonly [name: string, token: Token])[]
  /** The own token that the entry stores. */
  own: Token
}

export interface FieldStore {
  names: StoreNames
  /** Shares one MGET with all reads of the tick. */
  read(names: readonly string[]): Promise<Snapshot>
  /** Creates all tokens or none, and takes the lease, in one request of 2 commands (1 without a lease). */
  createTokens(
    tokens: readonly (readonly [name: string, token: Token])[],
    lease?: Lease,
  ): Promise<{ created: boolean; leased: boolean }>
  takeLease(lease: Lease): Promise<boolean>
  /** Turns the lease into the cool-down of its flight: nobody takes it, everybody can read why. */
  failLease(name: string, note: string, milliseconds: number): Promise<void>
  /** `ttl` in whole seconds. */
  write(entry: string, text: string, ttl: number | 'forever'): Promise<void>
  /** Writes the entry and a new own token together, if all captured tokens still stand; false if one does not. */
  writeForced(write: ForcedWrite): Promise<boolean>
  /** Writes new tokens: every entry that stores an older one is invalid from then on. */
  writeTokens(tokens: readonly (readonly [name: string, token: Token])[]): Promise<void>
  remove(entry: string): Promise<void>
  /** Takes a name for a time; false when somebody holds it. */
  claim(kind: string, name: string, token: string, milliseconds: number): Promise<boolean>
}

/**
 * KEYS: the entry, its own version key, the other version keys. ARGV: text, ttl in s or '', the new own token, then the
 * expected tokens. Sent again after a lost reply it finds its own token in place, which counts as success: that token
 * value is written by nobody else, so the script is the one token write that may be repeated.
 */
const FORCE_SCRIPT = `${SHEBANG}local guards = {}
for i = 2, #KEYS do guards[i - 1] = KEYS[i] end
local current = redis.call('MGET', unpack(guards))
if current[1] == ARGV[3] then return 1 end
for i = 1, #current do
  if current[i] ~= ARGV[i + 3] then return 0 end
end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1]) else redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
redis.call('SET', KEYS[2], ARGV[3])
return 1`

export function createFieldStore(
  send: Send,
  sendTogether: (commands: readonly [string, ...(string | number)[]][]) => Promise<RawReply[]>,
  keys: KeySpace,
  { clock }: Pick<Ports, 'clock'>,
): FieldStore {
  const leaseCommand = ({ name, holder, milliseconds }: Lease): [string, ...(string | number)[]] => [
    'SET',
    name,
    holder,
    'NX',
    'PX',
    milliseconds,
  ]
  return {
    names: {
      entry: keys.physical,
      guard: (guard) => keys.internal('token', guard),
      lease: (key, flight) => keys.internal('lease', `${key}:${shortHash(flight)}`),
    },
    read: createTickReads(send, clock),
    async createTokens(tokens, lease) {
      const create: [string, ...string[]] = ['MSETNX', ...tokens.flat()]
      if (!lease) return { created: (await send(...create)) === 1, leased: false }
      const [created, leased] = await sendTogether([create, leaseCommand(lease)])
      return { created: created === 1, leased: leased === 'OK' }
    },
    takeLease: async (lease) => (await send(...leaseCommand(lease))) === 'OK',
    async failLease(name, note, milliseconds) {
      await send('SET', name, note, 'XX', 'PX', milliseconds)
    },
    async write(entry, text, ttl) {
      const reply = await send('SET', entry, text, ...(ttl === 'forever' ? [] : ['EX', ttl]))
      if (reply !== 'OK') throw redisBadReply('SET was not answered with OK')
    },
    async writeForced({ entry, text, ttl, expected, own }) {
      const names = [entry, ...expected.map(([name]) => name)]
      const args = [text, ttl === 'forever' ? '' : ttl, own, ...expected.map(([, token]) => token)]
      const reply = await send('EVAL', FORCE_SCRIPT, names.length, ...names, ...args)
      if (reply !== 0 && reply !== 1) throw redisBadReply('the script answered in another shape')
      return reply === 1
    },
    async writeTokens(tokens) {
      const reply = await send('MSET', ...tokens.flat())
      if (reply !== 'OK') throw redisBadReply('MSET was not answered with OK')
    },
    async remove(entry) {
      await send('DEL', entry)
    },
    async claim(kind, name, token, milliseconds) {
      return (await send('SET', keys.internal(kind, name), token, 'NX', 'PX', milliseconds)) === 'OK'
    },
  }
}
