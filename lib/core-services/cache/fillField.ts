/**
 * The way of a miss: tokens that stand before the fetch, one fetch in the whole cluster, and what the others do
 * meanwhile. The steps and the reason of each guard are in docs/freshness.md.
 */
import { type Entry, encodeEntry } from './engine/entry'
import { codeOf, isSourceError, sourceCooling } from './engine/errors'
import type { RefreshReason } from './engine/events'
import type { AnyField } from './engine/fieldConfig'
import type { FieldStore, Lease } from './engine/fieldStore'
import { allPresent, flightName, freshnessOf, type Look, lifetimeOf, lookFrom } from './engine/look'
import { type Token, tokenMap } from './engine/tokens'
import { type Fetched, fetchEntry } from './fetchEntry'
import { askStore, type FieldRuntime } from './fieldRuntime'

/** What came of it; null when the tokens have changed or could not be created, so that what was seen does not count. */
export type Filled = { entry: Entry; sourceMs: number } | null

export interface Fill {
  store: FieldStore
  guards: readonly string[]
  /** Its entry, if there is one, is to be replaced: no flight that brought it is joined or waited for. */
  look: Look
  reason: RefreshReason
  /** Whether to wait for a fetch of another instance; a background refresh leaves it to that one. */
  patient: boolean
}

/** How long a failing source is left alone unless it says itself, in ms. */
const COOL_DOWN_MS = 5_000
/** Polls of a waiting instance: at most two a second. */
const POLL_MS = 500
/** How much longer than a fetch may take the lease holds, for writing the entry, in ms. */
const LEASE_SLACK_MS = 500

const FAILED = 'failed '

/** Fetches for the whole cluster or gets what another instance fetched. Rejects with a SOURCE_ or a REDIS_ error. */
export async function fillField(runtime: FieldRuntime, field: AnyField, fill: Fill): Promise<Filled> {
  const { tokens } = fill.look
  const creation = `tokens ${field.key}`
  if (!allPresent(tokens)) {
    // Joined only until the tokens are confirmed, which is before the fetch begins.
    const born = await runtime.flights.join(creation, () => createTokens(runtime, field, fill))
    return born && fly(runtime, field, fill, born.tokens, born.lease)
  }
  // Whoever sees tokens that this process is just creating shares the lease that comes with them, or would wait for it.
  const born = await runtime.flights.running<Born | null>(creation)
  const lease = born?.tokens.join() === tokens.join() ? born.lease : undefined
  return fly(runtime, field, fill, tokens, lease)
}

interface Born {
  tokens: readonly Token[]
  lease: TakenLease
}

interface TakenLease extends Lease {
  /** Null when somebody else has it. */
  sentAt: number | null
}

async function createTokens(
  runtime: FieldRuntime,
  field: AnyField,
  { store, guards, look }: Fill,
): Promise<Born | null> {
  const { ports } = runtime
  const tokens = look.tokens.map((token) => token ?? ports.uniqueToken())
  const missing = guards.flatMap((guard, index) =>
    look.tokens[index] === null ? [[store.names.guard(guard), tokens[index] as Token] as const] : [],
  )
  const lease = leaseOf(runtime, store, field, flightName(tokens, null))
  const sentAt = ports.clock.monotonic()
  const { created, leased } = await store.createTokens(missing, lease)
  return created ? { tokens, lease: { ...lease, sentAt: leased ? sentAt : null } } : null
}

function leaseOf(runtime: FieldRuntime, store: FieldStore, field: AnyField, flight: string): Lease {
  return {
    name: store.names.lease(field.key, flight),
    holder: runtime.ports.uniqueToken(),
    milliseconds: runtime.refreshTimeoutMs + LEASE_SLACK_MS,
  }
}

/** One flight in the process per key, tokens and entry that it replaces: after an invalidation nobody joins it. */
function fly(
  runtime: FieldRuntime,
  field: AnyField,
  fill: Fill,
  tokens: readonly Token[],
  taken?: TakenLease,
): Promise<Filled> {
  const flight = flightName(tokens, fill.look.valid)
  return runtime.flights.join(`fetch ${field.key} ${flight}`, async () => {
    const lease = taken ?? { ...leaseOf(runtime, fill.store, field, flight), sentAt: null }
    const sentAt = lease.sentAt ?? (await acquire(runtime, field, fill, tokens, lease, taken !== undefined))
    if (typeof sentAt !== 'number') return sentAt
    if (runtime.ports.clock.monotonic() - sentAt >= lease.milliseconds) return null
    return fetchAsHolder(runtime, field, fill, tokens, { ...lease, sentAt })
  })
}

/** When the lease was sent that is now ours, or what made it needless. */
async function acquire(
  runtime: FieldRuntime,
  field: AnyField,
  { store, guards, patient, look: { valid: replaced } }: Fill,
  tokens: readonly Token[],
  lease: Lease,
  lost: boolean,
): Promise<number | Filled> {
  const { clock, random } = runtime.ports
  const giveUpAt = clock.monotonic() + lease.milliseconds
  const names = [store.names.entry(field.key), lease.name, ...guards.map(store.names.guard)]
  let held = lost
  for (;;) {
    if (!held) {
      const sentAt = clock.monotonic()
      if (await store.takeLease(lease)) return sentAt
    }
    const snapshot = await store.read(names)
    const look = lookFrom(snapshot, store.names, field.key, guards)
    if (look.tokens.some((token, index) => token !== tokens[index])) return null
    const arrived = look.valid && look.valid.revision !== replaced?.revision
    if (look.valid && arrived && freshnessOf(look.valid, field, clock.now()) === 'fresh') {
      return { entry: look.valid, sourceMs: 0 }
    }
    const holder = snapshot.get(lease.name)
    if (holder?.startsWith(FAILED)) throw sourceCooling(field.name, holder.slice(FAILED.length))
    held = holder !== null
    if (held && (!patient || clock.monotonic() >= giveUpAt)) return null
    if (held) await clock.sleep(POLL_MS * (1 + random() / 2))
  }
}

async function fetchAsHolder(
  runtime: FieldRuntime,
  field: AnyField,
  { store, guards, reason }: Fill,
  tokens: readonly Token[],
  lease: Lease & { sentAt: number },
): Promise<Filled> {
  try {
    const fetched = await fetchEntry(runtime, field, reason, tokenMap(guards, tokens))
    const text = encodeEntry(fetched.entry)
    const stored = await askStore(runtime, 'write', false, async () => {
      // Somebody else may hold the lease by now, and be further.
      if (runtime.ports.clock.monotonic() - lease.sentAt >= lease.milliseconds) return false
      if (runtime.seen.outdated(field.key, tokens, lease.sentAt)) return false
      await store.write(store.names.entry(field.key), text, lifetimeOf(field))
      return true
    })
    reportRefresh(runtime, field, reason, fetched, text, stored)
    return fetched
  } catch (error) {
    if (isSourceError(error)) {
      const milliseconds = error.retryAfter === undefined ? COOL_DOWN_MS : error.retryAfter * 1000
      await askStore(runtime, 'cooldown', undefined, () =>
        store.failLease(lease.name, `${FAILED}${codeOf(error.cause ?? error)}`, milliseconds),
      )
    }
    throw error
  }
}

export function reportRefresh(
  { ports }: FieldRuntime,
  field: AnyField,
  reason: RefreshReason,
  { sourceMs, items }: Fetched,
  text: string,
  stored: boolean,
): void {
  const bytes = new TextEncoder().encode(text).byteLength
  ports.emit({
    type: 'refresh.finished',
    field: field.name,
    reason,
    durationMs: sourceMs,
    bytes,
    items,
    stored,
  })
}
