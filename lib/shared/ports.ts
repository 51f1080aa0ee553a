/** What the engine needs from its environment. Boot sets the ports of the process; tests pass their own. */

import { type Clock, systemClock } from './clock'
import { timerMs } from './durations'
import type { FieldCacheEvent } from './events'
import { processState } from './processState'

export interface Ports {
  clock: Clock
  /** At least 64 random bits. */
  uniqueToken(): string
  /** The returned function cancels it. */
  alarm(milliseconds: number, ring: () => void): () => void
  /** From 0 to 1, for jitter. */
  random(): number
  fetch(url: string, init: RequestInit): Promise<Response>
  emit(event: FieldCacheEvent): void
  /** After the response. The work never rejects. */
  defer(work: () => Promise<void>): void
  /**
   * Resolves where a response may depend on the request, and never in a prerender: an answer from memory would become
   * part of a static page. After it the wall clock may be read.
   */
  atRequest(): Promise<void>
  /** True for errors by which the framework steers rendering: they pass every catch unchanged. */
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
  // Read at each call: Next and tests replace the global fetch.
  fetch: (url, init) => fetch(url, init),
  emit: () => undefined,
  defer: (work) => {
    void work()
  },
  atRequest: async () => undefined,
  isControlFlow: () => false,
}

export function processPorts(): Ports {
  return processState<Ports>('ports', () => defaultPorts)
}
