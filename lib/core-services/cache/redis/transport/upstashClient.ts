/** @upstash/redis over our transport, with raw replies: its decoder changes large ids and types. */
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
