/**
 * The way back from aside: a process that keeps a field aside, because another release stores it in another shape, uses the
 * usual place again once what stood there has ended. It looks when it is about to fetch: until then its own value serves.
 */

import { getFreshness } from '../../entry/freshness'
import type { AnyField } from '../fieldConfig'
import { lookAt, type Place } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import type { Lookup } from '../lookup'
import { openStored } from '../refresh/fetchEntry'

export interface WayBack {
  /** The usual place. */
  place: Place
  look: Lookup
  /** A process of this release has stored a fresh value there already. */
  arrived: boolean
}

/** Null where nothing is kept aside, and while others are served what stands in the usual place. One command. */
export async function wayBack(
  runtime: FieldRuntime,
  aside: Place,
  config: AnyField,
): Promise<WayBack | null> {
  const { key } = aside.field
  if (aside.name === key) return null
  const place = { ...aside, name: key, entry: aside.store.names.entry(key) }
  const look = await lookAt(runtime, place)
  if (look.foreign) return null
  const opened = look.valid && (await openStored(runtime, config, look.valid))
  if (opened && !opened.ok && opened.refused) return null
  runtime.hints.get(key).aside = false
  const { clock } = runtime.ports
  const arrived = opened?.ok === true && getFreshness(opened.entry, config, clock.now()) === 'fresh'
  return { place, look, arrived }
}
