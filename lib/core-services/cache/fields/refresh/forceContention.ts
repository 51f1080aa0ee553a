/** What a forced refresh does when tokens changed during its fetch. */

import { currentInstant, passedSince } from '../../../../shared/clock'
import type { Entry } from '../../entry/entry'
import { ownGuard, type Token } from '../../entry/versionTokens'
import { forceContended } from '../../errors'
import type { AnyField } from '../fieldConfig'
import type { FieldContext } from '../fieldContext'
import type { FieldSlot } from '../fieldSlot'
import type { Lookup } from '../lookup'

/** A force gives up after invalidations have disturbed it this often. */
const MOST_DISTURBED = 3
/** A force that loses against other forces tries again for as long as this many fetches may take. */
const MOST_FETCHES = 3

export interface Contention {
  mark: string
  /**
   * `captured`: null if another process created missing tokens at the same time. Returns an entry of another force that
   * makes the fetch needless, else null. Rejects with FORCE_CONTENDED.
   */
  adoptOrGiveUp(slot: FieldSlot, captured: CapturedLookup | null): Promise<Entry | null>
  /** Call it after a fetch that was not stored. `sourceMs`: how long it took. */
  waitAfterLoss(sourceMs: number): Promise<void>
}

/** `tokens`: those of the lookup, with new ones where some were missing. */
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
        const isEnough = valid !== null && isNewerThan(valid, field, { first, mark })
        const adopted = isEnough ? await adopt(slot, captured.lookup) : null
        if (adopted) return adopted
        const wasForced = valid?.forced !== undefined && ownToken(valid, field) !== last
        if (!wasForced) disturbed += 1
      }
      last = captured?.tokens[0] ?? last
      const giveUp = disturbed >= MOST_DISTURBED || (attempts > 1 && isTimeUp())
      if (giveUp) throw forceContended(field.name, attempts - 1)
      return null
    },
    async waitAfterLoss(sourceMs) {
      emit({ type: 'force.contended', field: field.name, attempt: attempts })
      // Forces that lost twice would collide again, so they spread over the time that a fetch takes.
      if (attempts > 1 && sourceMs > 0) await clock.sleep(Math.ceil(random() * sourceMs))
    },
  }
}

const ownToken = ({ tokens }: Entry, { key }: AnyField): Token | undefined => tokens[ownGuard(key)]

/**
 * Whether a force stored the entry that began its fetch after `first` was captured. Neither the entry's own token nor
 * the one that it replaced is `first`, so both were written since, and the replaced one was captured before that fetch.
 * Each token is written once, so no clock is needed.
 */
function isNewerThan(
  entry: Entry,
  field: AnyField,
  { first, mark }: { first: Token; mark: string },
): boolean {
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
