/**
 * The memory layer: entries that this process has seen, with the time of the request that proved each of them. Bounded
 * by size and age. Each reader parses a value of its own, so nobody can spoil it for others.
 */
import { LRUCache } from 'lru-cache'
import type { Entry } from './entry'
import type { Clock } from './ports'

export interface Copy {
  /** Unpacked. */
  readonly entry: Entry
  /** Monotonic and wall clock, ms, when the request was sent that proved it last. */
  provenAt: { monotonic: number; wall: number }
}

export interface Copies {
  get(place: string): Copy | undefined
  /** `sentAt`: monotonic clock, ms, of the request that proved the entry. `keepMs`: how long it may be of use. */
  put(place: string, entry: Entry, sentAt: number, keepMs: number): void
  prove(copy: Copy, sentAt: number): void
  /** How long ago a copy was proved, in ms. */
  unprovenFor(copy: Copy): number
  drop(place: string): void
  /** Drops whatever is guarded by one of these, and what was asked for before and has yet to come. */
  dropGuarded(guards: readonly string[]): void
}

/** What a copy costs besides its body, in bytes. */
const OVERHEAD = 500
/** How long a value without end is kept without being asked for, in ms. */
const LONGEST_MS = 86_400_000
/** How many guards are remembered that something was dropped by. */
const DROPS_KEPT = 10_000

/** `maxBytes` 0 turns the layer off. */
export function createCopies(maxBytes: number, clock: Pick<Clock, 'monotonic' | 'now'>): Copies {
  const copies = new LRUCache<string, Copy>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ entry }) => entry.body.length * 2 + OVERHEAD,
    perf: { now: clock.monotonic },
  })
  /** When (monotonic, ms) a guard was dropped last; those that are forgotten count as dropped at `forgotten`. */
  const drops = new Map<string, number>()
  let forgotten = Number.NEGATIVE_INFINITY

  function noteDrop(guard: string): void {
    drops.delete(guard)
    drops.set(guard, clock.monotonic())
    const [oldest] = drops
    if (drops.size <= DROPS_KEPT || !oldest) return
    drops.delete(oldest[0])
    forgotten = oldest[1]
  }

  /** A fetch that began before an invalidation may end after it. */
  const droppedSince = ({ tokens }: Entry, sentAt: number): boolean =>
    sentAt <= forgotten || Object.keys(tokens).some((guard) => sentAt <= (drops.get(guard) ?? forgotten))

  const proof = (sentAt: number) => ({
    monotonic: sentAt,
    wall: clock.now() - (clock.monotonic() - sentAt),
  })
  return {
    get: (place) => copies.get(place),
    put(place, entry, sentAt, keepMs) {
      const ttl = Math.ceil(Math.min(keepMs, LONGEST_MS))
      const known = copies.get(place)
      if (maxBytes === 0 || !(ttl > 0)) return
      // An answer that was asked for earlier may come later.
      if ((known && known.provenAt.monotonic > sentAt) || droppedSince(entry, sentAt)) return
      copies.set(place, { entry, provenAt: proof(sentAt) }, { ttl })
    },
    prove(copy, sentAt) {
      if (sentAt > copy.provenAt.monotonic) copy.provenAt = proof(sentAt)
    },
    // A frozen process finds one of its clocks standing where it was.
    unprovenFor: ({ provenAt }) =>
      Math.max(clock.monotonic() - provenAt.monotonic, clock.now() - provenAt.wall),
    drop: (place) => {
      copies.delete(place)
    },
    dropGuarded(guards) {
      guards.forEach(noteDrop)
      for (const [place, { entry }] of copies.entries())
        if (guards.some((guard) => Object.hasOwn(entry.tokens, guard))) copies.delete(place)
    },
  }
}
