/** The decoder of @upstash/redis changes large ids and types, so replies stay raw. */
import { Redis } from '@upstash/redis'
import type { Transport } from './transport'

class RawRedis extends Redis {
  constructor(transport: Transport) {
    super(transport)
    this.opts = { automaticDeserialization: false }
    this.enableTelemetry = false
  }
}

export function createRedisClient(transport: Transport): Redis {
  return new RawRedis(transport)
}
