/** Log, metrics and tracing all subscribe to these events. No event holds a value or a secret. */

/** In the order of their numbers in metrics. */
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const
export type BreakerState = (typeof BREAKER_STATES)[number]

/**
 * By the age of a valid entry: `fresh` is served, `stale` is served while it is refreshed, `degraded` only when the
 * source fails, `expired` never.
 */
export type Freshness = 'fresh' | 'stale' | 'degraded' | 'expired'

export type FieldStatus = 'hit' | 'stale' | 'miss' | 'refreshed' | 'degraded' | 'cooldown'
/** `change`: the source announced a change. */
export type RefreshReason = 'miss' | 'stale' | 'force' | 'cron' | 'change'
/** Why changes were read: a call from Airtable, the cron, or an earlier read that may have been too old. */
export type WebhookCause = 'ping' | 'cron' | 'recheck'

export type WebhookDeath = 'gone' | 'disabled' | 'expired'

export interface WebhookOutcome {
  webhook: string
  base: string | null
  /**
   * `dead`: it is gone, disabled or has expired; `re-enabled`: its pings were switched off; `extended`: it would have
   * expired within three days; `failed`: it could not be checked.
   */
  outcome: 'alive' | 'extended' | 're-enabled' | 'dead' | 'failed'
  /** Whether the changes were read, also those that no webhook announced. */
  drained: boolean
  code?: string
  hint?: string
}

/** Why a fetched value was not stored. Readers that waited for it get it all the same. */
export type NotStored =
  | 'outdated'
  | 'lease-over'
  | 'dependencies-changed'
  | 'expired'
  | 'redis-failed'
  /** The field is encrypted, and there is no key. */
  | 'no-key'

export type FieldCacheEvent =
  | { type: 'service.initialized'; service: string; durationMs: number }
  | { type: 'service.failed'; service: string; code: string; message: string }
  | { type: 'redis.degraded'; operation: string; code: string; message: string }
  | { type: 'redis.slow'; command: string; durationMs: number; limitMs: number }
  | { type: 'breaker.changed'; from: BreakerState; to: BreakerState }
  | { type: 'redis.retried'; command: string; code: string }
  | {
      type: 'redis.requested'
      command: string
      /** As billed: retries and calls inside scripts included. */
      commands: number
      /** More than one when it was sent again. */
      requests: number
      /** Of bodies. */
      bytesSent: number
      bytesReceived: number
      durationMs: number
      code: string | null
    }
  | { type: 'field.read'; field: string; status: FieldStatus; ageSeconds: number; durationMs: number }
  | { type: 'field.failed'; field: string; code: string; durationMs: number }
  /** Of one request: billed commands, bytes of names and values. */
  | { type: 'field.charged'; field: string; commands: number; bytesRead: number; bytesWritten: number }
  | {
      type: 'field.lookup'
      field: string
      /** `tokens`: of a copy in memory. */
      at: 'memory' | 'tokens' | 'redis'
      found: Freshness | 'invalidated' | 'nothing'
    }
  | { type: 'field.rejected'; field: string; reason: string }
  | { type: 'field.invalidated'; guards: readonly string[] }
  | { type: 'tokens.created'; field: string; count: number }
  /**
   * Other processes store this key under tags that this configuration does not name. `kept` of these stay with the
   * entry; `left` did not fit. Emitted once per process.
   */
  | { type: 'tags.disagreed'; field: string; kept: number; left: number }
  | { type: 'lease.taken'; field: string }
  /** `patient`: this instance waits for the other one. */
  | { type: 'lease.held'; field: string; patient: boolean }
  /** Fetched by another instance. */
  | { type: 'field.arrived'; field: string }
  /** The source failed recently in any instance, and is not asked for a while. */
  | { type: 'source.cooling'; field: string; code: string }
  /** Tokens kept changing under a read, so it now fetches on its own. */
  | { type: 'field.contended'; field: string; rounds: number }
  | { type: 'force.contended'; field: string; attempt: number }
  | { type: 'refresh.started'; field: string; reason: RefreshReason }
  | { type: 'refresh.skipped'; field: string; why: NotStored }
  | {
      type: 'refresh.finished'
      field: string
      reason: RefreshReason
      durationMs: number
      bytes: number
      /** Null for a value that is not a list. */
      items: number | null
      stored: boolean
      why?: NotStored
    }
  /** A refresh ran out of time and kept what it has read. `done`: how far it came. */
  | { type: 'refresh.paused'; field: string; reason: RefreshReason; durationMs: number; done: string }
  | { type: 'refresh.resumed'; field: string; reason: RefreshReason; done: string }
  | {
      type: 'refresh.failed'
      field: string
      reason: RefreshReason
      durationMs: number
      code: string
      /** Of its cause, when that says more. */
      cause?: string
      message: string
    }
  /**
   * Records were fetched that have errors. Unreadable ones keep their earlier state or are left out; cells with a
   * formula error count as empty.
   */
  | {
      type: 'source.flawed'
      field: string
      records: number
      unreadable: number
      /** Of the first unreadable one. */
      why: string | null
      /** Records with bad cells, and the number of such cells. */
      erroneous: number
      errors: number
      /** Of these records, 20 at most. */
      ids: readonly string[]
    }
  | {
      type: 'field.synced'
      field: string
      /** `records`: the changed records were read; `all`: everything was read, for the reason in `why`. */
      how: 'records' | 'all'
      why: string | null
      records: number
      /** To be read once more. */
      pending: number
    }
  | {
      type: 'cron.finished'
      durationMs: number
      refreshed: number
      failed: number
      skipped: number
      fresh: number
      unfinished: number
      webhooks: readonly WebhookOutcome[]
    }
  /** A valid ping from Airtable. `replayed`: its changes were read before. */
  | { type: 'webhook.pinged'; webhook: string; base: string; replayed: boolean }
  | { type: 'webhook.processed'; webhook: string; base: string; cause: WebhookCause; durationMs: number }
  /** The next ping or the cron tries again. */
  | { type: 'webhook.failed'; webhook: string; base: string; code: string; message: string }
  | { type: 'webhook.dead'; webhook: string; base: string | null; why: WebhookDeath; hint: string }
  | { type: 'lock.acquired'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.refused'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.lost'; names: readonly string[] }
  /** `code` is null when the request succeeded. */
  | { type: 'airtable.requested'; code: string | null }
  | { type: 'request.failed'; path: string; code: string; message: string }
  | { type: 'admin.signed-in' }
  /** A wrong token. Not emitted past the limit of attempts. */
  | { type: 'admin.refused' }
  | { type: 'admin.signed-out' }
  /**
   * A page called an action from an origin that this site does not know, though its browser says that it is the same.
   */
  | { type: 'origin.refused'; origin: string; host: string; hint: string }

export type EventType = FieldCacheEvent['type']
