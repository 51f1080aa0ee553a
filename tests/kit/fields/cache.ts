import { CacheService } from '@/lib/core-services/cache/cacheService'
import type { CacheConfig } from '@/lib/core-services/cache/settings/cacheConfig'
import { defaultPorts, type Ports } from '@/lib/shared/ports'
import { type RecordedEvents, recordEvents } from '@/lib/testing/events'
import { testSettings } from '@/lib/testing/fieldProcess'

export const settings: CacheConfig = {
  ...testSettings,
  // Test machines are slow at times.
  commandTimeoutMs: 2_000,
  commandHardTimeoutMs: 2_000,
  slowCommandMs: 60_000,
  // Opens in every outage of the tests, and is probed as soon as it is over.
  breaker: { ...testSettings.breaker, recoveryMs: 20 },
  lock: { ...testSettings.lock, retryDelay: 5 },
}

/** A CacheService for a test server. */
export function cacheFor(
  server: { url: string; token: string },
  overrides: Partial<CacheConfig> = {},
  ports: Partial<Ports> = {},
): { cache: CacheService; events: RecordedEvents } {
  const events = recordEvents()
  const config = { ...settings, url: server.url, token: server.token, ...overrides }
  return { cache: new CacheService(() => config, { ...defaultPorts, emit: events.emit, ...ports }), events }
}
