/**
 * What lets a fetch that needs more than one refresh go on where the last one has stopped: its progress, stored as an
 * entry of its own with the tokens that were captured before the first of these fetches began. It counts only while
 * those are the ones that were captured before this fetch, so whatever is invalidated in between voids it.
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

/** Where a fetch stores, and what was captured before it began. */
export interface Captured {
  slot: FieldSlot
  guards: readonly string[]
  /** In the order of the guards. */
  tokens: readonly Token[]
}

export interface Fetch {
  /** Null without Redis: then nothing can be kept. */
  captured: Captured | null
  reason: RefreshReason
  /** By the wall clock, in ms. */
  startedAt: number
  /** By the monotonic clock, in ms. */
  started: number
  /** The entry that stands while it runs, if its tokens hold. */
  standing: Entry | null
}

export interface FetchProgress {
  context: Pick<FetchContext, 'remainingMs' | 'resume' | 'startOver' | 'pause'>
  /** When the fetch began that the value is the end of, in ms since 1970. */
  since(): number
  /** What was found of earlier fetches is of no use any more, once this one has ended. */
  forget(): void
}

/** In s: longer than any source remembers a list of which the next page is not asked for. */
const KEPT_SECONDS = 600
/** A force must not bring what was read long before it: counted from the beginning of the first part, never renewed. */
const KEPT_FOR_FORCES_SECONDS = 120
/** Time to come again, in s, however short the value itself lives. */
const KEPT_AT_LEAST_SECONDS = 60
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
        const known =
          counts(earlier, captured, fetch.standing) && (await unpacked(captured.slot, reason, earlier))
        if (!known) return null
        since = Math.min(startedAt, known.fetchedAt)
        resumed = true
        emit({ type: 'refresh.resumed', field, reason, done: known.note ?? '' })
        return known.body
      },
      startOver() {
        since = startedAt
        resumed = false
      },
      async pause(progress, told, because) {
        assertProgress(field, progress)
        const done = truncateText(told, MOST_DONE_CHARACTERS)
        const entry = { body: progress, note: done, fetchedAt: since, revision: runtime.ports.uniqueToken() }
        const kept =
          captured !== null && (await writeProgress(captured, reason, entry, resumed ? null : ageMs()))
        if (kept) emit({ type: 'refresh.paused', field, reason, durationMs: passedMs(), done })
        if (because !== undefined) throw because
        throw kept
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

/** Whether an unforced fetch that began under these tokens can be resumed. One command. */
export async function isHalfFetched(captured: Captured): Promise<boolean> {
  const earlier = await readProgress(captured, 'cron')
  return earlier !== null && counts(earlier, captured, null)
}

/**
 * Forces have one of their own, or they would answer with what was fetched before they were asked for; and each fetcher its
 * own of these, as a force that brings another one must not get what it did not read.
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

/** Encrypted it holds under its own name only: put in the place of the value it cannot be read. */
const sealedField = (slot: FieldSlot, reason: RefreshReason): AnyField => ({
  ...slot.config,
  key: progressKey(slot, reason),
})

/** Null for a text that cannot be read, and for a plain one that should be encrypted: any program can write that. */
async function unpacked(slot: FieldSlot, reason: RefreshReason, entry: Entry): Promise<Entry | null> {
  if (slot.config.advanced?.encrypt && !entry.packing?.sealed) return null
  return unpackEntry(entry, slot.runtime.cipherFor?.(sealedField(slot, reason)))
}

/** The stored entry may be newer, from a process that has read all of it at once. */
function counts(earlier: Entry, { guards, tokens }: Captured, standing: Entry | null): boolean {
  if (standing !== null && earlier.fetchedAt <= standing.fetchedAt) return false
  const captured = new Map(guards.map((guard, index) => [guard, tokens[index] ?? null]))
  const all = [...new Set([...guards, ...Object.keys(earlier.tokens)])]
  return areTokensCurrent(all, earlier.tokens, (guard) => captured.get(guard) ?? null)
}

/** `firstPartMs`: how long ago the first part began, if it has just stopped; null for a later one. */
async function writeProgress(
  { slot, guards, tokens }: Captured,
  reason: RefreshReason,
  progress: Omit<Entry, 'tokens'>,
  firstPartMs: number | null,
): Promise<boolean> {
  const { config: field, store, runtime } = slot
  const captured = Object.fromEntries(guards.map((guard, index) => [guard, tokens[index] as Token]))
  const text = await encodeForField(runtime, sealedField(slot, reason), { ...progress, tokens: captured })
  if (text === null) return false
  const forced = reason === 'force'
  const most = forced ? KEPT_FOR_FORCES_SECONDS : KEPT_SECONDS
  const lifetime = getLifetime(field)
  const seconds =
    lifetime === 'forever' ? most : Math.min(most, Math.max(KEPT_AT_LEAST_SECONDS, Math.ceil(lifetime)))
  return askStore(runtime, 'progress', false, async () => {
    const name = progressKey(slot, reason)
    // The clock of Redis counts, which is the same for all parts, whichever instances they run in.
    if (forced && firstPartMs === null) return store.replace(name, text)
    const passed = forced ? Math.ceil((firstPartMs ?? 0) / 1000) : 0
    await store.write(name, text, Math.max(1, seconds - passed))
    return true
  })
}
