import type { CacheConfig } from '@/lib/config/cacheConfig'
import { CacheService } from '@/lib/core-services/cache/cacheService'
import { defaultPorts, type Ports } from '@/lib/core-services/cache/engine/ports'
import { type RecordedEvents, recordEvents } from './events'

export const settings: CacheConfig = {
  url: 'http://redis.test',
  token: 'the-secret-token',
  urlName: 'UPSTASH_REDIS_REST_URL',
  tokenName: 'UPSTASH_REDIS_REST_TOKEN',
  keyPrefix: 'test',
  keyVersion: 'v1',
  keySeparator: ':',
  maxKeyLength: 250,
  commandTimeoutMs: 2_000,
  slowCommandMs: 60_000,
  batchSize: 100,
  // Opens in every outage of the tests, and is probed as soon as it is over.
  breaker: { failureThreshold: 5, windowMs: 300_000, recoveryMs: 20, halfOpenProbes: 3 },
  lock: { ttlSeconds: 30, retryDelay: 5, retryCount: 3 },
}

/** A CacheService for a test server; generous deadlines, because test machines are slow at times. */
export function cacheFor(
  server: { url: string; token: string },
  overrides: Partial<CacheConfig> = {},
  ports: Partial<Ports> = {},
): { cache: CacheService; events: RecordedEvents } {
  const events = recordEvents()
  const config = { ...settings, url: server.url, token: server.token, ...overrides }
  return { cache: new CacheService(() => config, { ...defaultPorts, emit: events.emit, ...ports }), events }
}
