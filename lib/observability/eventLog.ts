/** Writes a log line for each event whose level is at least LOG_LEVEL. */
import type { LogLevel } from '../config/appConfig'
import type { EventType } from '../shared/events'
import type { AnnotatedEvent } from './annotateEvent'
import { asJson, type LogFormat } from './logFormat'

const SEVERITY: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

const LEVELS: Record<EventType, LogLevel> = {
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
  'field.lookup': 'debug',
  'field.rejected': 'warn',
  'field.invalidated': 'info',
  'field.arrived': 'debug',
  'tokens.created': 'debug',
  'tags.disagreed': 'warn',
  'lease.taken': 'debug',
  'lease.held': 'debug',
  'source.cooling': 'debug',
  'field.contended': 'warn',
  'force.contended': 'info',
  'refresh.started': 'debug',
  // The line of the refresh says the same, with its outcome.
  'refresh.skipped': 'debug',
  'refresh.finished': 'info',
  'refresh.paused': 'info',
  'refresh.resumed': 'debug',
  'refresh.failed': 'error',
  'source.flawed': 'warn',
  'field.synced': 'info',
  'cron.finished': 'info',
  'webhook.pinged': 'debug',
  'webhook.processed': 'info',
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
  'origin.refused': 'warn',
}

export function createEventLog(
  write: (line: string) => void,
  threshold: LogLevel,
  format: LogFormat = asJson,
): (event: AnnotatedEvent) => void {
  return (event) => {
    const level = resolveLevel(event)
    if (SEVERITY[level] >= SEVERITY[threshold]) write(`${format(event, level, new Date())}\n`)
  }
}

function resolveLevel(event: AnnotatedEvent): LogLevel {
  // While the circuit is open, every read has this error; the opening itself is logged once.
  if ('code' in event && event.code === 'REDIS_CIRCUIT_OPEN') return 'debug'
  if (event.type === 'breaker.changed' && event.to === 'closed') return 'info'
  if (event.type === 'refresh.finished' && !event.stored) return 'warn'
  return LEVELS[event.type]
}
