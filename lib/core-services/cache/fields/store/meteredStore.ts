/** Reports the cost of each request through a store. */
import type { FieldStore, TokenWrite } from './fieldStore'

export interface Cost {
  /** A fraction where several readers share a command. */
  commands: number
  bytesRead: number
  bytesWritten: number
}

/** EVAL and its three calls, or its one call when a token has changed. */
const FORCED_COMMANDS = 4
const REFUSED_COMMANDS = 2
/** EVAL and its two calls. */
const SCRIPT_COMMANDS = 3

export function createMeteredStore(store: FieldStore, pay: (cost: Cost) => void): FieldStore {
  const charge = (commands: number, written: readonly string[], read: readonly (string | null)[] = []) =>
    pay({ commands, bytesRead: countBytes(read), bytesWritten: countBytes(written) })

  return {
    names: store.names,
    async read(names) {
      const snapshot = await store.read(names)
      charge(1 / snapshot.readers, names, names.map(snapshot.get))
      return snapshot
    },
    async createTokens(tokens, lease) {
      const outcome = await store.createTokens(tokens, lease)
      const leaseTexts = lease ? [lease.name, lease.holder] : []
      charge(countWrites(tokens) + (lease ? 1 : 0) + expiring(tokens), [...listTexts(tokens), ...leaseTexts])
      return outcome
    },
    async createAndRead(tokens, names) {
      const snapshot = await store.createAndRead(tokens, names)
      charge(countWrites(tokens) + 1, [...listTexts(tokens), ...names], names.map(snapshot.get))
      return snapshot
    },
    async takeLease(lease) {
      const taken = await store.takeLease(lease)
      charge(lease.replaces?.length ? SCRIPT_COMMANDS : 1, [lease.name, lease.holder])
      return taken
    },
    async endLease(lease, note, milliseconds) {
      await store.endLease(lease, note, milliseconds)
      charge(SCRIPT_COMMANDS, [lease.name, lease.holder, note])
    },
    async write(entry, text, ttl) {
      await store.write(entry, text, ttl)
      charge(1, [entry, text])
    },
    async replace(entry, text) {
      const replaced = await store.replace(entry, text)
      charge(1, [entry, text])
      return replaced
    },
    async writeForced(write) {
      const { entry, text, expected, own } = write
      const written = await store.writeForced(write)
      charge(written ? FORCED_COMMANDS : REFUSED_COMMANDS, [entry, text, own.token, ...expected.flat()])
      return written
    },
    async writeTokens(tokens) {
      await store.writeTokens(tokens)
      charge(countWrites(tokens) + expiring(tokens), listTexts(tokens))
    },
    async revoke(tokens, entries) {
      const revoked = await store.revoke(tokens, entries)
      charge(1 + tokens.length, [...entries, ...listTexts(tokens)])
      return revoked
    },
    async remove(...entries) {
      const removed = await store.remove(...entries)
      charge(1, entries)
      return removed
    },
  }
}

const countWrites = (tokens: readonly TokenWrite[]): number =>
  tokens.some(({ seconds }) => seconds === undefined) ? 1 : 0

const expiring = (tokens: readonly TokenWrite[]): number =>
  tokens.filter(({ seconds }) => seconds !== undefined).length

const listTexts = (tokens: readonly TokenWrite[]): string[] =>
  tokens.flatMap(({ name, token }) => [name, token])

function countBytes(texts: readonly (string | null)[]): number {
  const encoder = new TextEncoder()
  return texts.reduce((sum, text) => sum + (text === null ? 0 : encoder.encode(text).length), 0)
}
