/**
 * What the engine needs from outside: time, background-free failure policy and a place for events. The defaults in
 * `defaultPorts` are the real ones; tests and the framework adapter bring their own.
 */
import type { FieldCacheEvent } from './events'

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
