import type { FieldCacheEvent } from '@/lib/shared/events'

/** What happened, a line for each event that tells of a field, of tokens or of Redis; without times. */
export interface Transcript {
  /** Listens to one instance under a name. */
  of(instance: string): (event: FieldCacheEvent) => void
  lines: string[]
}

export function startTranscript(): Transcript {
  const lines: string[] = []
  return {
    lines,
    of: (instance) => (event) => {
      const line = tell(event)
      if (line !== undefined) lines.push(`${instance}: ${line}`)
    },
  }
}

function tell(event: FieldCacheEvent): string | undefined {
  switch (event.type) {
    case 'field.lookup':
      return `looks at ${event.at === 'tokens' ? 'the tokens of its copy' : event.at}: ${event.found}`
    case 'tokens.created':
      return `creates ${event.count} ${event.count === 1 ? 'token' : 'tokens'}`
    case 'lease.taken':
      return 'has the lease'
    case 'lease.held':
      return event.patient ? 'waits for who has the lease' : 'leaves it to who has the lease'
    case 'field.arrived':
      return 'finds what the other one has stored'
    case 'refresh.started':
      return `asks the source (${event.reason})`
    case 'refresh.finished':
      return `has an answer${event.stored ? ' and stores it' : ', and keeps it to itself'}`
    case 'refresh.skipped':
      return `does not store it: ${event.why}`
    case 'refresh.failed':
      return `gets none: ${event.code}`
    case 'field.invalidated':
      return `invalidates ${event.guards.join(', ')}`
    case 'source.cooling':
      return `leaves the source alone: ${event.code}`
    case 'field.contended':
      return `gives up after ${event.rounds} rounds`
    case 'force.contended':
      return `was overtaken in attempt ${event.attempt}`
    case 'field.read':
      return `answers ${event.status}, ${event.ageSeconds} s old`
    case 'field.rejected':
      return `refuses what is stored: ${event.reason}`
    case 'redis.degraded':
      return `does without Redis for ${event.operation}: ${event.code}`
    case 'breaker.changed':
      return `breaker ${event.from} -> ${event.to}`
    default:
      return undefined
  }
}
