/**
 * What the engine needs from outside: time, chance, the network, a place for events, somebody who sees background work
 * through, and which errors are not its own. The app's boot sets those of the process; tests bring their own.
 */

import { timerMs } from './durations'
import type { FieldCacheEvent } from './events'
import { processState } from './processState'

export interface Clock {
  /**
   * Wall clock in ms since 1970, comparable between instances. Only read it after `atRequest`, Redis or a source was
   * awaited: Next refuses `Date.now()` in a prerender before that.
   */
  now(): number
  /** Monotonic clock in ms, for durations and deadlines of this process. */
  monotonic(): number
  /** Ends early, without an error, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** The same moment by both clocks, in ms: a process that is frozen finds one of them standing where it was. */
export interface Instant {
  readonly monotonic: number
  readonly wall: number
}

export const instantOf = (clock: Pick<Clock, 'monotonic' | 'now'>): Instant => ({
  monotonic: clock.monotonic(),
  wall: clock.now(),
})

/** How many ms have passed since then by the clock that has gone further: one of them may have stood still meanwhile. */
export const passedSince = (clock: Pick<Clock, 'monotonic' | 'now'>, then: Instant): number =>
  Math.max(clock.monotonic() - then.monotonic, clock.now() - then.wall)

export interface Ports {
  clock: Clock
  /** A value that nobody ever drew before: at least 64 random bits. */
  uniqueToken(): string
  /** Calls `ring` after so many ms, unless what it answers is called before. */
  alarm(milliseconds: number, ring: () => void): () => void
  /** A number from 0 to 1, for jitter. */
  random(): number
  /** How Redis is asked. */
  fetch(url: string, init: RequestInit): Promise<Response>
  emit(event: FieldCacheEvent): void
  /** Runs work after the answer. The work never rejects. */
  defer(work: () => Promise<void>): void
  /**
   * Resolves where an answer may differ from request to request, and never does in a prerender: an answer from memory
   * would become part of a static page. After it the wall clock may be read.
   */
  atRequest(): Promise<void>
  /** True for errors by which the framework steers rendering: they pass through every catch untouched. */
  isControlFlow(error: unknown): boolean
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const wake = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, timerMs(milliseconds))
      signal?.addEventListener('abort', wake, { once: true })
    }),
}

export const defaultPorts: Ports = {
  clock: systemClock,
  uniqueToken: () => crypto.randomUUID().replaceAll('-', ''),
  alarm(milliseconds, ring) {
    const timer = setTimeout(ring, timerMs(milliseconds))
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
  // Looked up at each call: Next and tests put their own in its place.
  fetch: (url, init) => fetch(url, init),
  emit: () => undefined,
  defer: (work) => {
    void work()
  },
  atRequest: async () => undefined,
  isControlFlow: () => false,
}

/** The ports of this process: what boot has set, else the defaults. */
export function processPorts(): Ports {
  return processState<Ports>('ports', () => defaultPorts)
}
