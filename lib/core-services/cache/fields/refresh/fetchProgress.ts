/**
 * The progress of a fetch that needs several refreshes, stored like an entry, with the tokens captured before the first
 * of them. It counts only while they equal the tokens captured before this fetch: an invalidation in between voids it.
 */

import { passedSince } from '../../../../shared/clock'
import type { RefreshReason } from '../../../../shared/events'
import { truncateText } from '../../../../shared/text'
import { decodeEntry, type Entry, unpackEntry } from '../../entry/entry'
import { getLifetime } from '../../entry/freshness'
import { areTokensCurrent, type Token } from '../../entry/versionTokens'
import { sourceTimeout, sourceUnfinished } from '../../errors'
import type { AnyField, FetchContext } from '../fieldConfig'
import type { FieldContext } from '../fieldContext'
import { askStore, askStoreLater } from '../fieldRuntime'
import type { FieldSlot } from '../fieldSlot'
import { writtenAs } from '../shareKey'
import { encodeForField } from '../store/entryText'
import { assertProgress } from './fetchedMetadata'

export interface Captured {
  slot: FieldSlot
  guards: readonly string[]
  tokens: readonly Token[]
}

export interface Fetch {
  /** Null without Redis. */
  captured: Captured | null
  reason: RefreshReason
  /** In ms since 1970. */
  startedAt: number
  /** Monotonic clock, in ms. */
  started: number
  /** The valid entry that is stored meanwhile. */
  validEntry: Entry | null
}

export interface FetchProgress {
  context: Pick<FetchContext, 'remainingMs' | 'resume' | 'startOver' | 'pause'>
  /** When the first of these fetches began, in ms since 1970. */
  since(): number
  forget(): void
}

/** In s. No source remembers a list for longer without being asked for its next page. */
const PROGRESS_SECONDS = 600
/** In s, from the first part on and never renewed: a force must not return what was read long before it. */
const FORCED_PROGRESS_SECONDS = 120
/** In s. The next fetch needs time to come, however short the value's own lifetime is. */
const LEAST_PROGRESS_SECONDS = 60
const MOST_DONE_CHARACTERS = 200

export function createFetchProgress(
  { runtime, config: { name: field }, timeoutMs }: FieldContext,
  fetch: Fetch,
): FetchProgress {
  const { clock, emit } = runtime.ports
  const { captured, reason, startedAt } = fetch
  let since = startedAt
  let found = false
  let resumed = false
  const passedMs = () => clock.monotonic() - fetch.started
  const ageMs = () => passedSince(clock, { wall: startedAt, monotonic: fetch.started })

  return {
    context: {
      remainingMs: () => Math.max(0, timeoutMs - passedMs()),
      async resume() {
        const earlier = captured && (await readProgress(captured, reason))
        if (!captured || !earlier) return null
        found = true
        if (!isCurrent(earlier, captured, fetch.validEntry)) return null
        const progress = await unpackProgress(captured.slot, reason, earlier)
        if (!progress) return null
        since = Math.min(startedAt, progress.fetchedAt)
        resumed = true
        emit({ type: 'refresh.resumed', field, reason, done: progress.note ?? '' })
        return progress.body
      },
      startOver() {
        since = startedAt
        resumed = false
      },
      async pause(progress, description, because) {
        assertProgress(field, progress)
        const done = truncateText(description, MOST_DONE_CHARACTERS)
        const entry = { body: progress, note: done, fetchedAt: since, revision: runtime.ports.uniqueToken() }
        const firstPartMs = resumed ? null : ageMs()
        const isStored =
          captured !== null && (await writeProgress(captured, { reason, progress: entry, firstPartMs }))
        if (isStored) emit({ type: 'refresh.paused', field, reason, durationMs: passedMs(), done })
        if (because !== undefined) throw because
        throw isStored
          ? sourceUnfinished(field, done)
          : sourceTimeout(field, new Error(`${done}, which could not be kept`))
      },
    },
    since: () => since,
    forget() {
      if (!captured || !found) return
      const { slot } = captured
      askStoreLater(runtime, 'progress', () => slot.store.remove(progressKey(slot, reason)))
    },
  }
}

/** Costs one command. */
export async function isHalfFetched(captured: Captured): Promise<boolean> {
  const earlier = await readProgress(captured, 'cron')
  return earlier !== null && isCurrent(earlier, captured, null)
}

/**
 * Forces have progress of their own, or they would answer with what was fetched before they were asked for. So has each
 * fetcher among them, or a force would return what another one read.
 */
function progressKey({ store, config: field, name }: FieldSlot, reason: RefreshReason): string {
  const whose = reason === 'force' ? `forced ${writtenAs(field.fetcher)}` : 'shared'
  return store.names.progress(field.key, `${name} ${whose}`)
}

async function readProgress({ slot }: Captured, reason: RefreshReason): Promise<Entry | null> {
  const name = progressKey(slot, reason)
  const text = await askStore(slot.runtime, 'progress', null, async () =>
    (await slot.store.read([name])).get(name),
  )
  return text === null ? null : decodeEntry(text)
}

/** Encrypted progress is bound to its own key: moved to the key of the value it cannot be read. */
const sealedField = (slot: FieldSlot, reason: RefreshReason): AnyField => ({
  ...slot.config,
  key: progressKey(slot, reason),
})

/** Plain progress of an encrypted field does not count: any program can write that. */
async function unpackProgress(slot: FieldSlot, reason: RefreshReason, entry: Entry): Promise<Entry | null> {
  if (slot.config.advanced?.encrypt && !entry.packing?.sealed) return null
  return unpackEntry(entry, slot.runtime.cipherFor?.(sealedField(slot, reason)))
}

/** A stored entry that is as new voids progress: another process has read the whole value meanwhile. */
function isCurrent(earlier: Entry, { guards, tokens }: Captured, validEntry: Entry | null): boolean {
  if (validEntry !== null && earlier.fetchedAt <= validEntry.fetchedAt) return false
  const captured = new Map(guards.map((guard, index) => [guard, tokens[index] ?? null]))
  const all = [...new Set([...guards, ...Object.keys(earlier.tokens)])]
  return areTokensCurrent(all, earlier.tokens, (guard) => captured.get(guard) ?? null)
}

interface ProgressWrite {
  reason: RefreshReason
  progress: Omit<Entry, 'tokens'>
  /** How long ago the first part began, if it has just stopped; null for a later part. */
  firstPartMs: number | null
}

async function writeProgress(
  { slot, guards, tokens }: Captured,
  { reason, progress, firstPartMs }: ProgressWrite,
): Promise<boolean> {
  const { config: field, store, runtime } = slot
  const captured = Object.fromEntries(guards.map((guard, index) => [guard, tokens[index] as Token]))
  const text = await encodeForField(runtime, sealedField(slot, reason), { ...progress, tokens: captured })
  if (text === null) return false
  const forced = reason === 'force'
  const most = forced ? FORCED_PROGRESS_SECONDS : PROGRESS_SECONDS
  const lifetime = getLifetime(field)
  const seconds =
    lifetime === 'forever' ? most : Math.min(most, Math.max(LEAST_PROGRESS_SECONDS, Math.ceil(lifetime)))
  return askStore(runtime, 'progress', false, async () => {
    const name = progressKey(slot, reason)
    // Keeps the expiry in Redis, whose clock is the same for all parts, whichever instances run them.
    if (forced && firstPartMs === null) return store.replace(name, text)
    const passed = forced ? Math.ceil((firstPartMs ?? 0) / 1000) : 0
    await store.write(name, text, Math.max(1, seconds - passed))
    return true
  })
}
