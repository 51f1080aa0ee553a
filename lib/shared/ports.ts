/**
 * What the engine needs from outside: time, chance, the network, a place for events, a runner that sees background work
 * through, and which errors are not its own. The app's boot sets those of the process; tests bring their own.
 */

import { type Clock, systemClock } from './clock'
import { timerMs } from './durations'
import type { FieldCacheEvent } from './events'
import { processState } from './processState'

export interface Ports {
  clock: Clock
  /** A value that was never drawn before: at least 64 random bits. */
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
