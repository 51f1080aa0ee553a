/** The commands of fields. Names are physical, made by `names`. Each method rejects with a REDIS_ error. */

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
  /** Where a release stores entries of a shape that other releases refuse. */
  asideEntry(key: string, deployment: string): string
  guard(guard: string): string
  lease(key: string, flight: string): string
  /** Exists while callers without the token may not force the field. */
  forceCoolDown(key: string): string
  /** `owner` separates the fetches of one key. */
  progress(key: string, owner: string): string
}

export interface Lease {
  name: string
  holder: Token
  milliseconds: number
  /** Earlier holders of this process. */
  replaces?: readonly Token[] | undefined
}

export interface TokenWrite {
  name: string
  token: Token
  /** @default never expires */
  seconds?: number | undefined
}

export interface Revoked {
  removed: number
  /** Which version keys existed, in the order of the tokens. */
  known: boolean[]
}

export interface ForcedWrite {
  entry: string
  text: string
  ttl: number | 'forever'
  /** Tokens that must not have changed, the entry's own first. */
  expected: readonly (readonly [name: string, token: Token])[]
  own: Omit<TokenWrite, 'name'>
}

export interface FieldStore {
  names: StoreNames
  /** Shares one MGET with all reads of the tick. */
  read(names: readonly string[]): Promise<Snapshot>
  /**
   * Creates missing tokens and takes the lease, in one request. `created` is false if a token existed. 1 command, 1 for
   * each token that expires, 1 for the lease.
   */
  createTokens(tokens: readonly TokenWrite[], lease?: Lease): Promise<{ created: boolean; leased: boolean }>
  /** Creates the tokens if all are missing, then reads names, in one request of 2 commands. */
  createAndRead(tokens: readonly TokenWrite[], names: readonly string[]): Promise<Snapshot>
  /** 1 command, or a script of 3 that takes over from an earlier holder. */
  takeLease(lease: Lease): Promise<boolean>
  /**
   * Replaces the holder's lease by a note: as a cool-down, which each process can read, or to end the lease. A script
   * of 3 commands.
   */
  endLease(lease: Pick<Lease, 'name' | 'holder'>, note: string, milliseconds: number): Promise<void>
  /** `ttl` in whole seconds. */
  write(entry: string, text: string, ttl: number | 'forever'): Promise<void>
  /** Keeps the expiry. False when the text no longer exists. */
  replace(entry: string, text: string): Promise<boolean>
  /** False when a captured token has changed. See WRITE_FORCED_SCRIPT. */
  writeForced(write: ForcedWrite): Promise<boolean>
  /** Invalidates every entry that stores older tokens. */
  writeTokens(tokens: readonly TokenWrite[]): Promise<void>
  /** Returns how many existed. */
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
      progress: (key, owner) => keys.internal('progress', `${key}:${shortHash(owner)}`),
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

function together(command: 'MSET' | 'MSETNX', tokens: readonly TokenWrite[]): Command[] {
  const lasting = tokens.filter(({ seconds }) => seconds === undefined)
  return lasting.length === 0 ? [] : [[command, ...lasting.flatMap(({ name, token }) => [name, token])]]
}

/**
 * Removes entries, and overwrites existing tokens: a deleted token could come back through a late duplicate of the
 * command that created it. Writes none for names that were never a field's. `first` sends the commands that every call
 * needs.
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
      // A configured field always has one, unless Redis has evicted it. An evicted one must not come back either.
      return seconds === undefined ? ['SET', name, token] : ['SET', name, token, 'XX', 'EX', seconds]
    }),
  ])
  const count = Number(unwrapReply(removed))
  // A full Redis refuses writes, but still removes keys.
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
