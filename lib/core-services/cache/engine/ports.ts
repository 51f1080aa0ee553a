/**
 * What the engine needs from outside: time, a place for events, and which errors are not its own. The app's boot sets
 * those of the process; tests bring their own.
 */
import type { FieldCacheEvent } from './events'
import { processState } from './processState'

export interface Clock {
  /**
   * Wall clock in ms since 1970, comparable between instances. Only read it after the first await on Redis or a
   * source: Next refuses `Date.now()` in a prerender before that.
   */
  now(): number
  /** Monotonic clock in ms, for durations and deadlines of this process. */
  monotonic(): number
}

export interface Ports {
  clock: Clock
  emit(event: FieldCacheEvent): void
  /** True for errors by which the framework steers rendering: they pass through every catch untouched. */
  isControlFlow(error: unknown): boolean
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

export const defaultPorts: Ports = {
  clock: systemClock,
  emit: () => undefined,
  isControlFlow: () => false,
}

/** The ports of this process: what boot has set, else the defaults. */
export function processPorts(): Ports {
  return processState<Ports>('ports', () => defaultPorts)
}
