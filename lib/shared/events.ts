/**
 * The one stream of events that carries observability: logs and metrics subscribe to it. No event holds a
 * value or a secret.
 */

/** The states of the circuit breaker, in the order of the numbers that metrics have for them. */
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const
export type BreakerState = (typeof BREAKER_STATES)[number]

/**
 * What the age of a valid entry allows: `fresh` is served, `stale` is served while it is refreshed, `degraded` only when
 * the source fails, `expired` never.
 */
export type Freshness = 'fresh' | 'stale' | 'degraded' | 'expired'

export type FieldStatus = 'hit' | 'stale' | 'miss' | 'refreshed' | 'degraded' | 'cooldown'
/** `change`: the source has said that something changed. */
export type RefreshReason = 'miss' | 'stale' | 'force' | 'cron' | 'change'
/**
 * Why changes were looked for: Airtable has called, the cron looks for itself, or what was read a moment ago may have been
 * too old.
 */
export type WebhookCause = 'ping' | 'cron' | 'recheck'

export type WebhookDeath = 'gone' | 'disabled' | 'expired'

/** What the cron found of a webhook, and did about it. */
export interface WebhookOutcome {
  webhook: string
  /** Null for a field that was never looked up. */
  base: string | null
  /**
   * `dead`: it is gone, disabled or has expired; `re-enabled`: its pings had been switched off; `extended`: it would have
   * expired within three days; `failed`: it could not be looked after.
   */
  outcome: 'alive' | 'extended' | 're-enabled' | 'dead' | 'failed'
  /** Whether what has changed was read: also what no webhook has announced. */
  drained: boolean
  code?: string
  hint?: string
}

/** Why a fetched value was not stored: readers that waited for it get it all the same. */
export type NotStored =
  | 'outdated'
  | 'lease-over'
  | 'dependencies-changed'
  | 'expired'
  | 'redis-failed'
  /** The field is to be encrypted, and there is no key. */
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
      /** As they are billed, retries and the calls inside of scripts included. */
      commands: number
      /** More than one when it was sent again. */
      requests: number
      /** Of bodies. */
      bytesSent: number
      bytesReceived: number
      durationMs: number
      /** Null when it was answered. */
      code: string | null
    }
  | { type: 'field.read'; field: string; status: FieldStatus; ageSeconds: number; durationMs: number }
  /** A read that could not be answered. */
  | { type: 'field.failed'; field: string; code: string; durationMs: number }
  /** What a request for this field has cost: billed commands, bytes of names and values. */
  | { type: 'field.charged'; field: string; commands: number; bytesRead: number; bytesWritten: number }
  | {
      type: 'field.lookup'
      field: string
      /** `tokens`: those of a copy in memory. */
      at: 'memory' | 'tokens' | 'redis'
      found: Freshness | 'invalidated' | 'nothing'
    }
  | { type: 'field.rejected'; field: string; reason: string }
  | { type: 'field.invalidated'; guards: readonly string[] }
  | { type: 'tokens.created'; field: string; count: number }
  /**
   * Others store this key under tags that the configuration here does not name. `kept`: how many of these stay with the
   * entry; `left`: how many there was no room for. Told once in a process.
   */
  | { type: 'tags.disagreed'; field: string; kept: number; left: number }
  | { type: 'lease.taken'; field: string }
  /** Another instance fetches. `patient`: we wait for it. */
  | { type: 'lease.held'; field: string; patient: boolean }
  /** What another instance has fetched. */
  | { type: 'field.arrived'; field: string }
  /** The source has failed a moment ago, here or in another instance, and is left alone. */
  | { type: 'source.cooling'; field: string; code: string }
  /** Tokens went on changing under a read: it fetches on its own now. */
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
      /** How many items a list has; null for every other value. */
      items: number | null
      stored: boolean
      /** Why it was not stored. */
      why?: NotStored
    }
  /** A refresh has not ended in its time; what it has read so far is kept. `done`: how far it has come. */
  | { type: 'refresh.paused'; field: string; reason: RefreshReason; durationMs: number; done: string }
  /** A refresh goes on from where another one has stopped. */
  | { type: 'refresh.resumed'; field: string; reason: RefreshReason; done: string }
  | {
      type: 'refresh.failed'
      field: string
      reason: RefreshReason
      durationMs: number
      code: string
      /** The code of what it came from, where that tells more. */
      cause?: string
      message: string
    }
  /**
   * Records were fetched that could not be taken as they are. Those that are unreadable stay as they were before, or out of
   * the value; cells with an error of a formula count as empty.
   */
  | {
      type: 'source.flawed'
      field: string
      /** How many records were read. */
      records: number
      unreadable: number
      /** Why the first of them is; null for none. */
      why: string | null
      /** How many records have cells with errors, and how many cells that are. */
      erroneous: number
      errors: number
      /** Ids of these records, 20 at most. */
      ids: readonly string[]
    }
  /** A value was brought up to date after the source had announced a change. */
  | {
      type: 'field.synced'
      field: string
      /** `records`: by those that were touched; `all`: by reading everything, for the reason in `why`. */
      how: 'records' | 'all'
      why: string | null
      records: number
      /** How many of them will be looked at once more. */
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
  /** A ping that is Airtable's. `replayed`: what it announces was read before. */
  | { type: 'webhook.pinged'; webhook: string; base: string; replayed: boolean }
  /** The fields follow what had changed. */
  | { type: 'webhook.processed'; webhook: string; base: string; cause: WebhookCause; durationMs: number }
  /** They do not: that is left to the next ping or the cron. */
  | { type: 'webhook.failed'; webhook: string; base: string; code: string; message: string }
  /** No webhook announces changes any more. */
  | { type: 'webhook.dead'; webhook: string; base: string | null; why: WebhookDeath; hint: string }
  | { type: 'lock.acquired'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.refused'; names: readonly string[]; attempts: number; durationMs: number }
  | { type: 'lock.lost'; names: readonly string[] }
  /** A request to Airtable; `code` is null when it was answered with what was asked for. */
  | { type: 'airtable.requested'; code: string | null }
  | { type: 'request.failed'; path: string; code: string; message: string }
  | { type: 'admin.signed-in' }
  /** A wrong token. Those past the limit are not told. */
  | { type: 'admin.refused' }
  | { type: 'admin.signed-out' }
  /** A page called an action from an origin that this site does not know as its own, though its browser says it is. */
  | { type: 'origin.refused'; origin: string; host: string; hint: string }

export type EventType = FieldCacheEvent['type']
