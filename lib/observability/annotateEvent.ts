/** Events as whoever watches gets them: with the request that they belong to, and without what may not be told. */
import type { FieldCacheEvent } from '../shared/events'
import { currentRequestId } from './requestContext'

export type ObservedEvent = FieldCacheEvent & { requestId?: string }

/** `scrub`: makes texts from outside safe to tell. */
export function observed(event: FieldCacheEvent, scrub: (text: string) => string): ObservedEvent {
  const requestId = currentRequestId()
  return {
    ...withSafeTexts(event, scrub),
    ...(requestId === undefined ? {} : { requestId }),
  }
}

/** Names of fields and codes are ours; these are words of others. */
function withSafeTexts(event: FieldCacheEvent, scrub: (text: string) => string): FieldCacheEvent {
  switch (event.type) {
    case 'request.failed':
      return { ...event, path: scrub(event.path), message: scrub(event.message) }
    case 'origin.refused':
      return { ...event, origin: scrub(event.origin), host: scrub(event.host), hint: scrub(event.hint) }
    case 'field.rejected':
      return { ...event, reason: scrub(event.reason) }
    default:
      return 'message' in event ? { ...event, message: scrub(event.message) } : event
  }
}
