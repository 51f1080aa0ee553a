/** Events as whoever watches gets them: with the request that they belong to, and without what may not be told. */
import type { FieldCacheEvent } from '../shared/events'
import { currentRequestId } from './requestContext'

export type AnnotatedEvent = FieldCacheEvent & { requestId?: string }

/** `redact`: makes texts from outside safe to tell. */
export function annotateEvent(event: FieldCacheEvent, redact: (text: string) => string): AnnotatedEvent {
  const requestId = currentRequestId()
  return {
    ...redactTexts(event, redact),
    ...(requestId === undefined ? {} : { requestId }),
  }
}

/** Names of fields and codes are ours; these are words of others. */
function redactTexts(event: FieldCacheEvent, redact: (text: string) => string): FieldCacheEvent {
  switch (event.type) {
    case 'request.failed':
      return { ...event, path: redact(event.path), message: redact(event.message) }
    case 'origin.refused':
      return { ...event, origin: redact(event.origin), host: redact(event.host), hint: redact(event.hint) }
    case 'field.rejected':
      return { ...event, reason: redact(event.reason) }
    default:
      return 'message' in event ? { ...event, message: redact(event.message) } : event
  }
}
