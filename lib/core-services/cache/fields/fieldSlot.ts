/**
 * Where a field is stored: under its usual key, or aside, under a key of this release, while another release stores
 * values at the usual key that this one refuses.
 */
import type { Instant } from '../../../shared/clock'
import type { Entry } from '../entry/entry'
import { getLifetime } from '../entry/freshness'
import type { FieldCacheConfig } from './fieldConfig'
import type { FieldContext, OpenedEntry } from './fieldContext'
import { type FieldKeys, lookUp } from './fieldKeys'
import type { FieldRuntime } from './fieldRuntime'
import type { Lookup } from './lookup'
import type { FieldHints } from './memory/fieldHints'
import type { FieldStore } from './store/fieldStore'

/** How long Redis keeps an entry without end aside, in s: no later release would remove it. */
const ASIDE_SECONDS = 30 * 86_400

export class FieldSlot<T = unknown> implements FieldKeys {
  readonly context: FieldContext<T>
  readonly store: FieldStore
  readonly name: string
  readonly entry: string

  constructor(context: FieldContext<T>, store: FieldStore, name = context.slotName) {
    const { key } = context.config
    this.context = context
    this.store = store
    this.name = name
    this.entry =
      name === key ? store.names.entry(key) : store.names.asideEntry(key, context.runtime.deployment)
  }

  get runtime(): FieldRuntime {
    return this.context.runtime
  }

  get config(): FieldCacheConfig<T> {
    return this.context.config
  }

  get guards(): readonly string[] {
    return this.context.guards
  }

  get hints(): FieldHints {
    return this.runtime.hints.get(this.name)
  }

  get isAside(): boolean {
    return this.name !== this.config.key
  }

  usual(): FieldSlot<T> {
    return new FieldSlot(this.context, this.store, this.config.key)
  }

  lookUp(lease?: string): Promise<Lookup> {
    return lookUp(this.runtime, this, lease)
  }

  /** An entry that this release refuses stays in place, and this process goes aside. */
  open(entry: Entry): Promise<OpenedEntry<T> | null> {
    return this.context.open(entry, () => this.leave())
  }

  /** Goes aside: releases that overwrote each other's values would pay a fetch for each read. */
  leave(): void {
    if (!this.isAside) this.hints.aside = true
  }

  /** `sentAt`: when the request was sent that confirmed its tokens. */
  keep(entry: Entry, sentAt: Instant): void {
    this.context.keep(this.name, entry, sentAt)
  }

  /** How long Redis keeps the entry, in s: as long as any reader may be served it. */
  lifetimeSeconds(entry: Entry): number | 'forever' {
    const lifetime = getLifetime(this.config, entry)
    return lifetime === 'forever' && this.isAside ? ASIDE_SECONDS : lifetime
  }
}

export function createSlot<T>(context: FieldContext<T>, store: FieldStore): FieldSlot<T> {
  return new FieldSlot(context, context.meter(store))
}

/** Rejects with CACHE_UNAVAILABLE. */
export async function openSlot<T>(context: FieldContext<T>): Promise<FieldSlot<T>> {
  return createSlot(context, await context.runtime.store())
}

export interface UsualSlot<T> {
  slot: FieldSlot<T>
  lookup: Lookup
  /** Another process of this release has already stored a fresh value there. */
  arrived: boolean
}

/**
 * Returns from the slot aside once the other release's value in the usual one is gone or invalid; else null. Call it
 * before a fetch only: until then the value aside serves. Costs one command.
 */
export async function returnToUsualSlot<T>(aside: FieldSlot<T>): Promise<UsualSlot<T> | null> {
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
