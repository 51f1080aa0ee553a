/** What this process remembers of a field. Forgetting any of it costs a command or a fetch, no more. */
import { LRUCache } from 'lru-cache'
import type { Instant } from '../../../../shared/clock'
import type { Token } from '../../entry/versionTokens'
import { keepRecent } from '../../redis/keepRecent'

export interface FieldHints {
  /** The guards that only the last entry named, read in the same command as the others. */
  dependencies: readonly string[] | undefined
  /** Another release stores a shape that our schema refuses, so this release stores its entry aside. */
  aside?: boolean
  /** A flight that is not run for a time: its source fails, or another process fetches. */
  quiet?: BackOff & { flight: string }
  /** The failure of the source with the longest back-off, until the source answers. */
  failed?: BackOff | undefined
  /** Newest last. Those found in Redis belong to this process. */
  leases?: OwnLease[]
  disagreed?: boolean
}

export interface BackOff {
  since: Instant
  milliseconds: number
  /** Of the source's error; null when another instance fetches. */
  code: string | null
}

/** Requested by this process; the answer may have been lost. */
export interface OwnLease {
  readonly name: string
  readonly holder: Token
  sentAt: Instant
  /** It was released or became a cool-down, so the key of this holder may expire at any time. */
  ended?: boolean | undefined
  /** Earlier holders that may still be stored, or arrive late. */
  readonly replaces: readonly Token[]
}

export interface Hints {
  get(slotName: string): FieldHints
  has(slotName: string): boolean
}

const KEPT = 10_000
/** In bytes: for the names of guards, and for each in addition to its characters. */
const MOST_GUARD_BYTES = 10_000_000
const NAME_OVERHEAD = 40

export function createHints(): Hints {
  const hints = new LRUCache<string, FieldHints>(keepRecent(KEPT))
  const guards = new LRUCache<string, readonly string[]>({
    maxSize: MOST_GUARD_BYTES,
    sizeCalculation: (names) => names.reduce((sum, name) => sum + name.length + NAME_OVERHEAD, NAME_OVERHEAD),
  })

  const create = (slotName: string): FieldHints => ({
    get dependencies() {
      return guards.get(slotName)
    },
    set dependencies(names) {
      if (names) guards.set(slotName, names)
      else guards.delete(slotName)
    },
  })

  return {
    has: (slotName) => hints.has(slotName),
    get(slotName) {
      const fieldHints = hints.get(slotName) ?? create(slotName)
      if (!hints.has(slotName)) hints.set(slotName, fieldHints)
      return fieldHints
    },
  }
}
