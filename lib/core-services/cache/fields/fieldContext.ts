/**
 * A field as one caller uses it: its configuration, resolved where it enters, with what this process can do with it.
 * Everything below a front door takes this, or a slot of it, instead of the configuration and the runtime.
 */

import type { Instant } from '../../../shared/clock'
import { refreshDeadline } from '../../../shared/durations'
import type { FieldStatus, Freshness } from '../../../shared/events'
import { ageSeconds, type Entry, type EntryHeader, unpackEntry } from '../entry/entry'
import { getFreshness, getLifetime } from '../entry/freshness'
import { checkBody } from '../entry/schema'
import { sourceInvalid } from '../errors'
import type { AnyField, FieldCacheConfig } from './fieldConfig'
import { readerGuards } from './fieldKeys'
import type { FieldRuntime } from './fieldRuntime'
import type { FieldHints } from './memory/fieldHints'
import type { FieldStore } from './store/fieldStore'
import { createMeteredStore } from './store/meteredStore'

/** An entry, and the value that this caller gets of it. */
export interface OpenedEntry<T> {
  ok: true
  /** Unpacked. */
  entry: Entry
  data: T
}

/** Why an entry cannot be opened. `refused`: it is sound, but not for this release of the app. */
export interface RefusedEntry {
  ok: false
  reason: string
  refused: boolean
}

/** What a read of a field answers. */
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

/** Deadline of a whole refresh, in ms. */
export function refreshTimeoutMs(runtime: FieldRuntime, { advanced }: Pick<AnyField, 'advanced'>): number {
  return refreshDeadline(advanced?.timeoutMs ?? runtime.refreshTimeoutMs)
}

export class FieldContext<T = unknown> {
  readonly runtime: FieldRuntime
  readonly config: FieldCacheConfig<T>
  #guards: readonly string[] | undefined

  constructor(runtime: FieldRuntime, config: FieldCacheConfig<T>) {
    this.runtime = runtime
    this.config = config
  }

  /** The guards that every reader of the field knows. */
  get guards(): readonly string[] {
    this.#guards ??= readerGuards(this.config)
    return this.#guards
  }

  /** The name of the slot that this process uses: another one once another release stores what this one refuses. */
  get slotName(): string {
    const { key } = this.config
    return this.runtime.hints.get(key).aside ? `${key} aside ${this.runtime.deployment}` : key
  }

  get hints(): FieldHints {
    return this.runtime.hints.get(this.slotName)
  }

  get timeoutMs(): number {
    return refreshTimeoutMs(this.runtime, this.config)
  }

  /** What the age of an entry allows now. */
  freshness(entry: EntryHeader): Freshness {
    return getFreshness(entry, this.config, this.runtime.ports.clock.now())
  }

  /** The value of an entry that was just fetched, decoded for this caller alone. Rejects with SOURCE_INVALID. */
  async openFetched({ body }: Entry): Promise<T> {
    const checked = await checkBody(this.config.schema, body)
    if (!checked.ok) throw sourceInvalid(this.config.name, checked.reason)
    return checked.value
  }

  /** The value of a stored entry, which another release of the app may have written. */
  async openStored(stored: Entry): Promise<OpenedEntry<T> | RefusedEntry> {
    const cipher = this.runtime.cipherFor?.(this.config)
    const entry = await unpackEntry(stored, cipher)
    if (!entry) {
      const sealed = stored.packing?.sealed
      if (!sealed) return { ok: false, reason: 'it cannot be unpacked', refused: false }
      if (await cipher?.knows(sealed)) return { ok: false, reason: 'it was altered or moved', refused: false }
      // A process that has the key can read it: it is no more damaged than an entry of another format.
      return { ok: false, reason: 'it is encrypted with a key that is not known here', refused: true }
    }
    const checked = await checkBody(this.config.schema, entry.body)
    return checked.ok ? { ok: true, entry, data: checked.value } : checked
  }

  /** The same, or null and an event. `whenRefused`: called when it is sound, but not for this release of the app. */
  async open(stored: Entry, whenRefused?: () => void): Promise<OpenedEntry<T> | null> {
    const opened = await this.openStored(stored)
    if (opened.ok) return opened
    this.runtime.ports.emit({ type: 'field.rejected', field: this.config.name, reason: opened.reason })
    if (opened.refused) whenRefused?.()
    return null
  }

  /** The answer to a read that this entry serves. */
  answer(
    { entry, data }: Pick<OpenedEntry<T>, 'entry' | 'data'>,
    status: FieldStatus,
    { cacheMs, sourceMs }: FieldAnswer<T>['timings'],
  ): FieldAnswer<T> {
    const age = ageSeconds(entry.fetchedAt, this.runtime.ports.clock.now())
    return { data, status, age, timings: { cacheMs, sourceMs } }
  }

  /** Keeps an unpacked entry in memory under this name. `sentAt`: when the request was sent that proved its tokens. */
  keep(name: string, entry: Entry, sentAt: Instant): void {
    const { memoryCache, ports } = this.runtime
    const lifetime = getLifetime(this.config, entry)
    const keepMs =
      lifetime === 'forever'
        ? Number.POSITIVE_INFINITY
        : lifetime * 1000 - (ports.clock.now() - entry.fetchedAt)
    memoryCache.put(name, entry, sentAt, keepMs)
  }

  /** A store whose costs are reported as those of this field, and whose reads show whether Redis answers. */
  meter(store: FieldStore): FieldStore {
    const { ports, reachability } = this.runtime
    const { name } = this.config
    const watched = { ...store, read: (names: readonly string[]) => reachability.watch(store.read(names)) }
    return createMeteredStore(watched, (cost) => ports.emit({ type: 'field.charged', field: name, ...cost }))
  }
}
