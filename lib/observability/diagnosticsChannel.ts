/** Publishes events for tools outside the app: `diagnostics_channel.subscribe('field-cache', (event) => …)`. */
import { channel } from 'node:diagnostics_channel'
import type { AnnotatedEvent } from './annotateEvent'

const events = channel('field-cache')

export function publishEvent(event: AnnotatedEvent): void {
  if (events.hasSubscribers) events.publish(event)
}
