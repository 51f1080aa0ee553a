/** What a forced refresh does when others have changed what stands while it fetched. */

import { currentInstant, passedSince } from '../../../../shared/clock'
import type { Entry } from '../../entry/entry'
import { ownGuard, type Token } from '../../entry/versionTokens'
import { forceContended } from '../../errors'
import type { AnyField } from '../fieldConfig'
import type { FieldContext } from '../fieldContext'
import type { FieldSlot } from '../fieldSlot'
import type { Lookup } from '../lookup'

/** A force that is disturbed by invalidations begins this often in all. */
const MOST_DISTURBED = 3
/** A force that loses against others begins anew for as long as so many fetches may take. */
const MOST_FETCHES = 3

export interface Contention {
  /** What is asked for, see `shareMark`. */
  mark: string
  /**
   * Told of what was captured before each fetch; null when others created missing tokens at the same time. Answers what
   * another force has brought that makes a fetch needless. Rejects with FORCE_CONTENDED when it is time to give up.
   */
  adoptOrGiveUp(slot: FieldSlot, captured: CapturedLookup | null): Promise<Entry | null>
  /** Told that a fetch that took so long was not stored. */
  lost(sourceMs: number): Promise<void>
}

/** A lookup, and the tokens under which a fetch begins: with new ones for those that were missing. */
export interface CapturedLookup {
  lookup: Lookup
  tokens: readonly Token[]
}

export function startContention(
  { runtime, config: field, timeoutMs }: FieldContext,
  { mark, until }: { mark: string; until: number },
): Contention {
  const { clock, emit, random } = runtime.ports
  const began = currentInstant(clock)
  /** The own token that was captured first, after the call, and the one that was captured last. */
  let first: Token | undefined
  let last: Token | undefined
  let attempts = 0
  let disturbed = 0

  function isTimeUp(): boolean {
    const passed = passedSince(clock, began)
    return passed + timeoutMs > MOST_FETCHES * timeoutMs || clock.monotonic() + timeoutMs > until
  }

  return {
    mark,
    async adoptOrGiveUp(slot, captured) {
      attempts += 1
      if (captured === null) disturbed += 1
      else if (first === undefined) first = captured.tokens[0]
      else {
        const { valid } = captured.lookup
        const adopted =
          valid && isNewerThan(valid, field, first, mark) ? await adopt(slot, captured.lookup) : null
        if (adopted) return adopted
        const lostToForce = valid?.forced !== undefined && ownToken(valid, field) !== last
        if (!lostToForce) disturbed += 1
      }
      last = captured?.tokens[0] ?? last
      const giveUp = disturbed >= MOST_DISTURBED || (attempts > 1 && isTimeUp())
      if (giveUp) throw forceContended(field.name, attempts - 1)
      return null
    },
    async lost(sourceMs) {
      emit({ type: 'force.contended', field: field.name, attempt: attempts })
      // Those that have lost twice would meet again: they spread over the time that a fetch takes.
      if (attempts > 1 && sourceMs > 0) await clock.sleep(Math.ceil(random() * sourceMs))
    },
  }
}

const ownToken = ({ tokens }: Entry, { key }: AnyField): Token | undefined => tokens[ownGuard(key)]

/**
 * Whether a force has brought it whose fetch began after `first` was captured. Its own token was written since: it is not
 * `first`. It was committed upon another one than `first`, so that one was written since, too, and it was captured before
 * the fetch began. A token is written once, so no clock is needed.
 */
function isNewerThan(entry: Entry, field: AnyField, first: Token, mark: string): boolean {
  const { forced } = entry
  return forced?.by === mark && forced.upon !== first && ownToken(entry, field) !== first
}

async function adopt(slot: FieldSlot, { valid, sentAt }: Lookup): Promise<Entry | null> {
  const { runtime, config: field } = slot
  const opened = valid && (await slot.context.open(valid))
  if (!opened) return null
  slot.keep(opened.entry, sentAt)
  const token = ownToken(opened.entry, field)
  runtime.memoryCache.dropGuarded(
    [ownGuard(field.key)],
    token === undefined ? undefined : { token, since: sentAt.monotonic },
  )
  runtime.ports.emit({ type: 'field.arrived', field: field.name })
  return opened.entry
}
