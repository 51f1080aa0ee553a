/** What kind of Redis is running behind a URL. */
export type EngineKind = 'embedded' | 'redis-server' | 'external'

/** A Redis that answers at `url` until it is stopped. */
export interface RedisEngine {
  readonly kind: EngineKind
  /** `redis://127.0.0.1:<port>`, or the given URL of an external engine. */
  readonly url: string
  /** Ends the engine at once, as a crash would: connections break and data is gone. External engines are left alone. */
  stop(): Promise<void>
}

export interface EngineOptions {
  /** `auto`: the `url` if there is one, else redis-server if it is on the PATH, else the embedded engine. */
  readonly kind: 'auto' | EngineKind
  /** Where the external engine is, `redis://` or `rediss://`. */
  readonly url?: string
  /** The port to listen on, to bring an engine back where it was; 0, the default, lets the system choose. */
  readonly port?: number
}
