import type { EventType, FieldCacheEvent } from '../shared/events'

export interface RecordedEvents {
  all: FieldCacheEvent[]
  emit(event: FieldCacheEvent): void
  of<T extends EventType>(type: T): Extract<FieldCacheEvent, { type: T }>[]
}

export function recordEvents(): RecordedEvents {
  const all: FieldCacheEvent[] = []
  return {
    all,
    emit: (event) => {
      all.push(event)
    },
    of: <T extends EventType>(type: T) =>
      all.filter((event): event is Extract<FieldCacheEvent, { type: T }> => event.type === type),
  }
}
