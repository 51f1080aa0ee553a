/** One subscriber of the event stream: writes events as JSON lines, from LOG_LEVEL up. */
import type { LogLevel } from './config/appConfig'
import type { EventType, FieldCacheEvent } from './core-services/cache/engine/events'

const SEVERITY: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

const LEVEL_OF: Record<EventType, LogLevel> = {
  'service.initialized': 'info',
  'service.failed': 'error',
  'redis.degraded': 'warn',
  'redis.slow': 'warn',
  'breaker.changed': 'warn',
  'redis.retried': 'debug',
  'redis.requested': 'debug',
  'field.read': 'debug',
  'field.failed': 'debug',
  'field.charged': 'debug',
  'field.looked': 'debug',
  'field.rejected': 'warn',
  'field.invalidated': 'info',
  'field.arrived': 'debug',
  'tokens.created': 'debug',
  'lease.taken': 'debug',
  'lease.held': 'debug',
  'source.cooling': 'debug',
  'field.contended': 'warn',
  'force.contended': 'info',
  'refresh.started': 'debug',
  'refresh.skipped': 'warn',
  'refresh.finished': 'info',
  'refresh.failed': 'error',
  'change.followed': 'info',
  'cron.finished': 'info',
  'webhook.pinged': 'debug',
  'webhook.drained': 'info',
  'webhook.failed': 'error',
  'webhook.dead': 'error',
  'lock.acquired': 'debug',
  'lock.refused': 'info',
  'lock.lost': 'warn',
  'airtable.requested': 'debug',
  'request.failed': 'error',
  'admin.signed-in': 'info',
  'admin.refused': 'warn',
  'admin.signed-out': 'info',
}

export function createEventLog(write: (line: string) => void, threshold: LogLevel) {
  return ({ type, ...details }: FieldCacheEvent): void => {
    // While the circuit is open every read is one of these: that it opened has been told.
    const expected = 'code' in details && details.code === 'REDIS_CIRCUIT_OPEN'
    const level = expected ? 'debug' : LEVEL_OF[type]
    if (SEVERITY[level] < SEVERITY[threshold]) return
    const numbers = Object.entries(details).map(([name, value]) => [name, rounded(value)])
    write(
      `${JSON.stringify({ time: new Date().toISOString(), level, event: type, ...Object.fromEntries(numbers) })}\n`,
    )
  }
}

function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10) / 10 : value
}
