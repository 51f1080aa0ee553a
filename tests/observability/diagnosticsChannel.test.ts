import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, it } from 'vitest'
import { publishEvent } from '@/lib/observability/diagnosticsChannel'

it('every event reaches subscribers of the channel field-cache, until they unsubscribe', () => {
  const seen: unknown[] = []
  const listener = (event: unknown) => seen.push(event)
  const event = { type: 'service.initialized', service: 'cache', durationMs: 1 } as const
  subscribe('field-cache', listener)
  publishEvent(event)
  unsubscribe('field-cache', listener)
  publishEvent(event)
  expect(seen).toEqual([event])
})
