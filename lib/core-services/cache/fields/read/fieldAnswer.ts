/** What a read of a field answers. */

import type { FieldStatus } from '../../../../shared/events'
import { ageSeconds } from '../../entry/entry'
import type { FieldContext, OpenedEntry } from '../fieldContext'

export interface FieldAnswer<T> {
  data: T
  status: FieldStatus
  /** Whole seconds since the fetch of the value began. */
  age: number
  /** Present when a fetched value was not stored: the next read fetches again. */
  notStored?: true
  timings: {
    /** How long Redis took for the read, in ms; 0 when it was not asked. */
    cacheMs: number
    /** How long the source took, in ms; 0 when it was not asked. */
    sourceMs: number
  }
}

export function toAnswer<T>(
  { runtime }: FieldContext<T>,
  { entry, data }: Pick<OpenedEntry<T>, 'entry' | 'data'>,
  status: FieldStatus,
  { cacheMs, sourceMs }: FieldAnswer<T>['timings'],
): FieldAnswer<T> {
  const age = ageSeconds(entry.fetchedAt, runtime.ports.clock.now())
  return { data, status, age, timings: { cacheMs, sourceMs } }
}
