/** What a read of a field answers, and how a stored entry becomes an answer. */

import type { FieldStatus } from '../../../../shared/events'
import { ageSeconds, type Entry } from '../../entry/entry'
import type { FieldCacheConfig } from '../fieldConfig'
import type { Place } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import { type Opened, openStored } from '../refresh/fetchEntry'

export interface FieldAnswer<T> {
  data: T
  status: FieldStatus
  /** Whole seconds since the fetch of the value began. */
  age: number
  /** Present when what was fetched is stored nowhere: the next read fetches again. */
  notStored?: true
  timings: {
    /** How long Redis took for the read, in ms; 0 when it was not asked. */
    cacheMs: number
    /** How long the source took, in ms; 0 when it was not asked. */
    sourceMs: number
  }
}

export function answer<T>(
  { ports }: FieldRuntime,
  { entry, data }: Pick<Opened<T>, 'entry' | 'data'>,
  status: FieldStatus,
  { cacheMs, sourceMs }: FieldAnswer<T>['timings'],
): FieldAnswer<T> {
  const age = ageSeconds(entry.fetchedAt, ports.clock.now())
  return { data, status, age, timings: { cacheMs, sourceMs } }
}

/** `place`: where others have stored it. If we refuse what is valid to them, it is of another release. */
export async function openKnown<T>(
  runtime: FieldRuntime,
  config: FieldCacheConfig<T>,
  entry: Entry,
  place?: Place,
): Promise<Opened<T> | null> {
  const opened = await openStored(runtime, config, entry)
  if (opened.ok) return opened
  runtime.ports.emit({ type: 'field.rejected', field: config.name, reason: opened.reason })
  if (opened.refused && place) keepAside(runtime, place)
  return null
}

/**
 * Another release of the app runs that stores another shape or format. Overwriting each other's would cost a fetch at
 * each read: this process keeps its own aside from now on.
 */
export function keepAside({ hints }: FieldRuntime, { name, field }: Place): void {
  if (name === field.key) hints.get(name).aside = true
}
