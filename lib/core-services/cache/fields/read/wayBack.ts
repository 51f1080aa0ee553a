/**
 * The way back from aside. A process that keeps a field aside uses the usual slot again once the values of the other
 * release have ended there. It looks when it is about to fetch: until then its own value serves.
 */

import type { FieldSlot } from '../fieldSlot'
import type { Lookup } from '../lookup'

export interface WayBack<T> {
  /** The usual slot. */
  slot: FieldSlot<T>
  lookup: Lookup
  /** Another process of this release has stored a fresh value there already. */
  arrived: boolean
}

/** Null for a field that is not aside, and while other readers are served what the usual slot holds. One command. */
export async function wayBack<T>(aside: FieldSlot<T>): Promise<WayBack<T> | null> {
  if (!aside.isAside) return null
  const { context } = aside
  const slot = aside.usual()
  const lookup = await slot.lookUp()
  if (lookup.foreign) return null
  const opened = lookup.valid && (await context.openStored(lookup.valid))
  if (opened && !opened.ok && opened.refused) return null
  slot.hints.aside = false
  const arrived = opened?.ok === true && context.freshness(opened.entry) === 'fresh'
  return { slot, lookup, arrived }
}
