/**
 * The one stream of events that carries observability: whoever logs or counts subscribes to it. No event holds a
 * value or a secret.
 */

import type { BreakerState } from './breaker'

export type FieldStatus = 'hit' | 'stale' | 'miss' | 'refreshed' | 'degraded' | 'cooldown'
export type RefreshReason = 'miss' | 'stale' | 'force' | 'cron'

export type FieldCacheEvent =
  | { type: 'service.initialized'; service: string; durationMs: number }
  | { type: 'service.failed'; service: string; code: string; message: string }
  | { type: 'redis.degraded'; operation: string; code: string; message: string }
  | { type: 'redis.slow'; command: string; durationMs: number; limitMs: number }
  | { type: 'breaker.changed'; from: BreakerState; to: BreakerState }
  | { type: 'redis.retried'; command: string; code: string }
  | { type: 'field.read'; field: string; status: FieldStatus; ageSeconds: number; durationMs: number }
  | { type: 'field.rejected'; field: string; reason: string }
  | {
      type: 'refresh.finished'
      field: string
      reason: RefreshReason
      durationMs: number
      bytes: number
      /** How many items a list has; null for every other value. */
      items: number | null
      stored: boolean
    }
  | {
      type: 'refresh.failed'
      field: string
      reason: RefreshReason
      durationMs: number
      code: string
      message: string
    }
  | {
      type: 'cron.finished'
      durationMs: number
      refreshed: number
      failed: number
      skipped: number
      fresh: number
    }
  | { type: 'lock.acquired'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.refused'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.lost'; names: readonly string[] }
  | { type: 'request.failed'; path: string; code: string; message: string }

export type EventType = FieldCacheEvent['type']
