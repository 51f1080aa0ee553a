/** A field as one caller uses it. Front doors create it once, and everything below them takes it. */

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

export interface OpenedEntry<T> {
  ok: true
  /** Decrypted and decompressed. */
  entry: Entry
  data: T
}

/** Why an entry cannot be opened. `refused`: it is intact, but made for another release of the app. */
export interface RefusedEntry {
  ok: false
  reason: string
  refused: boolean
}

export interface FieldAnswer<T> {
  data: T
  status: FieldStatus
  /** Counts from the start of its fetch, in s. */
  age: number
  /** Set when Redis did not store a fetched value: the next read fetches again. */
  notStored?: true
  timings: {
    /** 0 if Redis was not asked. */
    cacheMs: number
    /** 0 if the source was not asked. */
    sourceMs: number
  }
}

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

  get guards(): readonly string[] {
    this.#guards ??= readerGuards(this.config)
    return this.#guards
  }

  /** Names the usual slot, or one of this release while another release stores values there that this one refuses. */
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

  freshness(entry: EntryHeader): Freshness {
    return getFreshness(entry, this.config, this.runtime.ports.clock.now())
  }

  /** Rejects with SOURCE_INVALID. */
  async openFetched({ body }: Entry): Promise<T> {
    const checked = await checkBody(this.config.schema, body)
    if (!checked.ok) throw sourceInvalid(this.config.name, checked.reason)
    return checked.value
  }

  /** Opens an entry that another release of the app may have written. */
  async openStored(stored: Entry): Promise<OpenedEntry<T> | RefusedEntry> {
    const cipher = this.runtime.cipherFor?.(this.config)
    const entry = await unpackEntry(stored, cipher)
    if (!entry) {
      const sealed = stored.packing?.sealed
      if (!sealed) return { ok: false, reason: 'it cannot be unpacked', refused: false }
      if (await cipher?.knows(sealed)) return { ok: false, reason: 'it was altered or moved', refused: false }
      // Other processes may have the key, so the entry is another release's, not damaged.
      return { ok: false, reason: 'it is encrypted with a key that is not known here', refused: true }
    }
    const checked = await checkBody(this.config.schema, entry.body)
    return checked.ok ? { ok: true, entry, data: checked.value } : checked
  }

  /** Like `openStored`, but reports what cannot be used as an event, and answers null. */
  async open(stored: Entry, whenRefused?: () => void): Promise<OpenedEntry<T> | null> {
    const opened = await this.openStored(stored)
    if (opened.ok) return opened
    this.runtime.ports.emit({ type: 'field.rejected', field: this.config.name, reason: opened.reason })
    if (opened.refused) whenRefused?.()
    return null
  }

  answer(
    { entry, data }: Pick<OpenedEntry<T>, 'entry' | 'data'>,
    status: FieldStatus,
    { cacheMs, sourceMs }: FieldAnswer<T>['timings'],
  ): FieldAnswer<T> {
    const age = ageSeconds(entry.fetchedAt, this.runtime.ports.clock.now())
    return { data, status, age, timings: { cacheMs, sourceMs } }
  }

  /** `sentAt`: when the request was sent that confirmed its tokens. */
  keep(name: string, entry: Entry, sentAt: Instant): void {
    const { memoryCache, ports } = this.runtime
    const lifetime = getLifetime(this.config, entry)
    const keepMs =
      lifetime === 'forever'
        ? Number.POSITIVE_INFINITY
        : lifetime * 1000 - (ports.clock.now() - entry.fetchedAt)
    memoryCache.put(name, entry, sentAt, keepMs)
  }

  /** Reports costs under the name of this field. Its reads show whether Redis answers. */
  meter(store: FieldStore): FieldStore {
    const { ports, reachability } = this.runtime
    const { name } = this.config
    const watched = { ...store, read: (names: readonly string[]) => reachability.watch(store.read(names)) }
    return createMeteredStore(watched, (cost) => ports.emit({ type: 'field.charged', field: name, ...cost }))
  }
}
