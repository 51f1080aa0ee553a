export type EngineKind = 'embedded' | 'redis-server' | 'external'

export interface RedisEngine {
  readonly kind: EngineKind
  /** `redis://127.0.0.1:<port>`, or the given URL of an external engine. */
  readonly url: string
  /**
   * Ends the engine at once, as a crash would: connections break and data is gone. Does nothing to an external engine.
   */
  stop(): Promise<void>
}

export interface EngineOptions {
  /** `auto`: the `url` if there is one, else redis-server if it is on the PATH, else the embedded engine. */
  readonly kind: 'auto' | EngineKind
  /** `redis://` or `rediss://`, for the external engine. */
  readonly url?: string
  /**
   * The port of an engine to bring back; 0 lets the system choose.
   * @default 0
   */
  readonly port?: number
}
