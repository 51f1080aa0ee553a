/**
 * What this process remembers of a field in addition to its value. Forgetting any of it costs a command or a fetch, no
 * more.
 */
import { LRUCache } from 'lru-cache'
import type { Instant } from '../../../../shared/clock'
import type { Token } from '../../entry/versionTokens'
import { keepRecent } from '../../redis/keepRecent'

export interface FieldHints {
  /**
   * The guards that only the last entry named: the next lookup reads their tokens in the same command. Forgotten when
   * all fields together have too many.
   */
  dependencies: readonly string[] | undefined
  /**
   * Another release stores this field in a shape that our schema refuses, so this release stores its own entry aside.
   */
  aside?: boolean
  /** A flight that is left alone for a time: its source fails, or another process fetches. */
  quiet?: BackOff & { flight: string }
  /** The failure of the source with the longest rest, in any flight; cleared when the source answers. */
  failed?: BackOff | undefined
  /** The last leases that were requested, newest last. When they are found in Redis they belong to this process. */
  leases?: OwnLease[]
  /** `tags.disagreed` was emitted for this key. */
  disagreed?: boolean
}

/** How long something is left alone, in ms. */
export interface BackOff {
  since: Instant
  milliseconds: number
  /** The code of the source's error; null when another instance fetches. */
  code: string | null
}

/** A lease that this process has requested, even if the answer was lost. */
export interface OwnLease {
  readonly name: string
  readonly holder: Token
  /** The earliest request that may have obtained this lease. */
  sentAt: Instant
  /** It was released or became a cool-down, so the key of this holder may expire at any time. */
  ended?: boolean | undefined
  /** Earlier holders that may still be stored, or arrive late. */
  readonly replaces: readonly Token[]
}

export interface Hints {
  get(place: string): FieldHints
  /** Whether the process remembers a lookup of this field. */
  has(place: string): boolean
}

const KEPT = 10_000
/** For the names of remembered guards, and the extra cost of each, in bytes. */
const MOST_GUARD_BYTES = 10_000_000
const NAME_OVERHEAD = 40

export function createHints(): Hints {
  const hints = new LRUCache<string, FieldHints>(keepRecent(KEPT))
  const guards = new LRUCache<string, readonly string[]>({
    maxSize: MOST_GUARD_BYTES,
    sizeCalculation: (names) => names.reduce((sum, name) => sum + name.length + NAME_OVERHEAD, NAME_OVERHEAD),
  })

  const create = (place: string): FieldHints => ({
    get dependencies() {
      return guards.get(place)
    },
    set dependencies(names) {
      if (names) guards.set(place, names)
      else guards.delete(place)
    },
  })

  return {
    has: (place) => hints.has(place),
    get(place) {
      const fieldHints = hints.get(place) ?? create(place)
      if (!hints.has(place)) hints.set(place, fieldHints)
      return fieldHints
    },
  }
}
