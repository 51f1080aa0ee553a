/**
 * What the fields ask of Redis. Each method rejects with a REDIS_ error; the callers decide what that means. Names are
 * physical ones, made by `names`.
 */

import { currentInstant } from '../../../../shared/clock'
import type { Ports } from '../../../../shared/ports'
import { shortHash } from '../../../../shared/shortHash'
import type { Token } from '../../entry/versionTokens'
import { redisBadReply } from '../../errors'
import { buildSnapshot, createBatchedReads, type Snapshot } from '../../redis/batchedReads'
import { createBatchedSends, type SendTogether } from '../../redis/batchedSends'
import type { KeySpace } from '../../redis/commands/keySpace'
import type { Command, RawReply, Send } from '../../redis/pipeline'
import { END_LEASE_SCRIPT } from './scripts/endLease'
import { TAKE_OVER_LEASE_SCRIPT } from './scripts/takeOverLease'
import { WRITE_FORCED_SCRIPT } from './scripts/writeForced'

export interface StoreNames {
  entry(key: string): string
  /** Where a deployment keeps what it stores in another shape than the one that stands in the usual place. */
  asideEntry(key: string, deployment: string): string
  /** The version key of a guard, such as `tag:people`. */
  guard(guard: string): string
  /** The lease of one flight: the fetch of one key under certain tokens. */
  lease(key: string, flight: string): string
  /** What stands there keeps callers without the token from forcing the field. */
  forceCoolDown(key: string): string
  /** How far a fetch has come that has not ended. `whose`: what tells it from others of the key. */
  progress(key: string, whose: string): string
}

export interface Lease {
  name: string
  holder: Token
  milliseconds: number
  /** Holders that the same process has used for it before: it is taken over from these. */
  replaces?: readonly Token[] | undefined
}

/** A token and the version key that it is for. */
export interface TokenWrite {
  name: string
  token: Token
  /** Seconds after which the version key is forgotten; never by default. */
  seconds?: number | undefined
}

export interface Revoked {
  /** How many of the entries were there. */
  removed: number
  /** Which of the version keys were there, in the order of the tokens. */
  known: boolean[]
}

export interface ForcedWrite {
  entry: string
  text: string
  ttl: number | 'forever'
  /** Version keys with the tokens that must still stand; the first is the entry's own. */
  expected: readonly (readonly [name: string, token: Token])[]
  /** The own token that the entry stores. */
  own: Omit<TokenWrite, 'name'>
}

export interface FieldStore {
  names: StoreNames
  /** Shares one MGET with all reads of the tick. */
  read(names: readonly string[]): Promise<Snapshot>
  /**
   * Creates the tokens, each of which must be missing, and takes the lease, in one request. `created` is false if any of
   * them was there. 1 command, 1 for each token that expires, 1 for the lease.
   */
  createTokens(tokens: readonly TokenWrite[], lease?: Lease): Promise<{ created: boolean; leased: boolean }>
  /** Creates the tokens that are missing, if all are, and reads names after that, in one request of 2 commands. */
  createAndRead(tokens: readonly TokenWrite[], names: readonly string[]): Promise<Snapshot>
  /** 1 command, or a script of 3 that takes over from an earlier holder. */
  takeLease(lease: Lease): Promise<boolean>
  /**
   * Leaves a note in the place of the lease for a time, if it is still that holder's: as the cool-down of its flight, in
   * which no process takes it and each can read why, or to end it. A script of 3 commands.
   */
  endLease(lease: Pick<Lease, 'name' | 'holder'>, note: string, milliseconds: number): Promise<void>
  /** `ttl` in whole seconds. */
  write(entry: string, text: string, ttl: number | 'forever'): Promise<void>
  /** Puts a text in the place of another one, for what is left of that one's time; false if it is gone. */
  replace(entry: string, text: string): Promise<boolean>
  /** Writes the entry and a new own token together, if all captured tokens still stand; false if one does not. */
  writeForced(write: ForcedWrite): Promise<boolean>
  /** Writes new tokens: every entry that stores an older one is invalid from then on. */
  writeTokens(tokens: readonly TokenWrite[]): Promise<void>
  /** How many of the entries were there. */
  remove(...entries: readonly string[]): Promise<number>
  /** See `revoke`. 1 command, and 1 for each token. */
  revoke(tokens: readonly TokenWrite[], entries: readonly string[]): Promise<Revoked>
}

export function createFieldStore(
  send: Send,
  sendTogether: SendTogether,
  maxCommands: number,
  keys: KeySpace,
  { clock }: Pick<Ports, 'clock'>,
): FieldStore {
  const sendBatched = createBatchedSends(sendTogether, maxCommands)
  const leaseCommand = ({ name, holder, milliseconds }: Lease): Command => [
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
      asideEntry: (key, deployment) => keys.internal('entry', `${key}:${shortHash(deployment)}`),
      guard: (guard) => keys.internal('token', guard),
      lease: (key, flight) => keys.internal('lease', `${key}:${shortHash(flight)}`),
      forceCoolDown: (key) => keys.internal('cooldown', key),
      progress: (key, whose) => keys.internal('progress', `${key}:${shortHash(whose)}`),
    },
    read: createBatchedReads(send, clock),
    async createTokens(tokens, lease) {
      const commands = [
        ...tokens.flatMap(({ name, token, seconds }): Command[] =>
          seconds === undefined ? [] : [['SET', name, token, 'NX', 'EX', seconds]],
        ),
        ...together('MSETNX', tokens),
        ...(lease ? [leaseCommand(lease)] : []),
      ]
      const replies = await sendBatched(commands)
      const leased = lease !== undefined && replies.pop() === 'OK'
      return { created: replies.every((reply) => reply === 'OK' || reply === 1), leased }
    },
    async createAndRead(tokens, names) {
      const sentAt = currentInstant(clock)
      const [, values] = await sendBatched([...together('MSETNX', tokens), ['MGET', ...names]])
      return buildSnapshot(names, values ?? null, sentAt)
    },
    async takeLease(lease) {
      const { name, holder, milliseconds, replaces = [] } = lease
      if (replaces.length === 0) return (await sendBatched([leaseCommand(lease)]))[0] === 'OK'
      const [reply] = await sendBatched([
        ['EVAL', TAKE_OVER_LEASE_SCRIPT, 1, name, holder, milliseconds, ...replaces],
      ])
      return reply === 1
    },
    async endLease({ name, holder }, note, milliseconds) {
      await sendBatched([['EVAL', END_LEASE_SCRIPT, 1, name, holder, note, milliseconds]])
    },
    async write(entry, text, ttl) {
      const expiry = ttl === 'forever' ? [] : ['EX', ttl]
      const [reply] = await sendBatched([['SET', entry, text, ...expiry]])
      if (reply !== 'OK') throw redisBadReply('SET was not answered with OK')
    },
    replace: async (entry, text) => (await sendBatched([['SET', entry, text, 'XX', 'KEEPTTL']]))[0] === 'OK',
    async writeForced({ entry, text, ttl, expected, own }) {
      const names = [entry, ...expected.map(([name]) => name)]
      const tokens = expected.map(([, token]) => token)
      const args = [text, ttl === 'forever' ? '' : ttl, own.token, own.seconds ?? '', ...tokens]
      const reply = await send('EVAL', WRITE_FORCED_SCRIPT, names.length, ...names, ...args)
      if (reply !== 0 && reply !== 1) throw redisBadReply('the script answered in another shape')
      return reply === 1
    },
    async writeTokens(tokens) {
      const expiring = tokens.flatMap(({ name, token, seconds }): Command[] =>
        seconds === undefined ? [] : [['SET', name, token, 'EX', seconds]],
      )
      const replies = await sendBatched([...together('MSET', tokens), ...expiring])
      if (replies.some((reply) => reply !== 'OK')) throw redisBadReply('a token was not answered with OK')
    },
    revoke: (tokens, entries) => revoke(sendTogether, tokens, entries),
    remove: async (...entries) => Number(await send('UNLINK', ...entries)),
  }
}

/** One command for all tokens that never expire. */
function together(command: 'MSET' | 'MSETNX', tokens: readonly TokenWrite[]): Command[] {
  const lasting = tokens.filter(({ seconds }) => seconds === undefined)
  return lasting.length === 0 ? [] : [[command, ...lasting.flatMap(({ name, token }) => [name, token])]]
}

/**
 * Removes entries, and writes new tokens where there are some: a deleted one could be brought back to life by a late
 * duplicate of the command that had created it, and one for each name that was never a field's would stay for ever. `first`:
 * how the commands are sent that every call needs.
 */
export async function revoke(
  sendTogether: SendTogether,
  tokens: readonly TokenWrite[],
  entries: readonly string[],
  first: SendTogether = sendTogether,
): Promise<Revoked> {
  const [removed, ...written] = await first([
    ['UNLINK', ...entries],
    ...tokens.map(({ name, token, seconds }): Command => {
      // Of a configured field there is one, unless Redis has evicted it: that one must not come back either.
      return seconds === undefined ? ['SET', name, token] : ['SET', name, token, 'XX', 'EX', seconds]
    }),
  ])
  const count = Number(unwrapReply(removed))
  // A full Redis takes nothing, but gives away.
  const refused = tokens.filter((_, index) => written[index]?.status === 'rejected')
  if (refused.length > 0)
    unwrapReply((await sendTogether([['UNLINK', ...refused.map(({ name }) => name)]]))[0])
  return {
    removed: count,
    known: written.map((reply) => reply.status === 'rejected' || reply.value === 'OK'),
  }
}

function unwrapReply(reply: PromiseSettledResult<RawReply> | undefined): RawReply {
  if (reply?.status === 'rejected') throw reply.reason
  return reply?.value ?? null
}
