/** Adds the id of the request to an event, and redacts texts that came from outside. */
import type { FieldCacheEvent } from '../shared/events'
import { currentRequestId } from './requestContext'

export type AnnotatedEvent = FieldCacheEvent & { requestId?: string }

export function annotateEvent(event: FieldCacheEvent, redact: (text: string) => string): AnnotatedEvent {
  const requestId = currentRequestId()
  return {
    ...redactTexts(event, redact),
    ...(requestId === undefined ? {} : { requestId }),
  }
}

/** Field names and codes are our own; these texts come from sources, requests and browsers. */
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
