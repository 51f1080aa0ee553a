/** What this process remembers of a field besides its value. Forgetting any of it costs a command or a fetch, no more. */
import { LRUCache } from 'lru-cache'
import type { Instant } from '../../../../shared/clock'
import type { Token } from '../../entry/versionTokens'

export interface FieldHints {
  /**
   * The guards of the last entry besides its own token, as far as not every reader names them: the next look asks for
   * their tokens in the same command. Forgotten when all fields together have too many of them.
   */
  dependencies: readonly string[] | undefined
  /** Another release stores this field in a shape that our schema refuses: we keep ours aside. */
  aside?: boolean
  /** A flight that is left alone for a time: its source fails (with this code), or another process fetches. */
  quiet?: BackOff & { flight: string }
  /** The failure of the source that asks for the longest rest, in whichever flight it was; until the source answers. */
  failed?: BackOff | undefined
  /** The leases that were asked for last, the newest at the end: found again in Redis they are ours. */
  leases?: OwnLease[]
  /** The event `tags.disagreed` was emitted for this key already. */
  disagreed?: boolean
}

/** For how long something is left alone, in ms. */
export interface BackOff {
  since: Instant
  milliseconds: number
  /** Of the error with which the source has failed; null when another instance fetches. */
  code: string | null
}

/** A lease as the process knows it that has asked for it, even if the answer was lost. */
export interface OwnLease {
  readonly name: string
  readonly holder: Token
  /** Of the earliest request that may have obtained this lease. */
  sentAt: Instant
  /** It was given back or became a cool-down: what stands under this holder may end at any time. */
  ended?: boolean | undefined
  /** The holders before it that may still stand, or of which a request may still arrive. */
  readonly replaces: readonly Token[]
}

export interface Hints {
  get(place: string): FieldHints
  /** Whether the process has looked at this field, as far as it remembers. */
  has(place: string): boolean
}

const KEPT = 10_000
/** For the names of guards that are remembered, and what each costs besides its characters, in bytes. */
const MOST_GUARD_BYTES = 10_000_000
const NAME_OVERHEAD = 40

export function createHints(): Hints {
  const hints = new Map<string, FieldHints>()
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
      hints.delete(place)
      hints.set(place, fieldHints)
      const [oldest] = hints.keys()
      if (hints.size > KEPT && oldest !== undefined) hints.delete(oldest)
      return fieldHints
    },
  }
}
