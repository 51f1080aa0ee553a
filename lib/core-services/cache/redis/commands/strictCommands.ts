/** The commands without fallbacks: what the callbacks of `attempt` and `pipeline` get. */
import type { RawReply } from '../pipeline'
import { RedisCommands } from './commands'
import type { PatternCommands, Wire } from './wire'

/** What can be part of a pipeline. */
export type PipelineCommands = Omit<StrictCommands, keyof PatternCommands>

/** Each method rejects with a typed error, and works without its object: `({ get, incr }) => [get('a'), incr('n')]`. */
export class StrictCommands extends RedisCommands<never> {
  readonly #wire: Wire

  constructor(wire: Wire) {
    super({ run: (_operation, _fallback, ask) => ask(wire), runOrNull: (_operation, ask) => ask(wire) })
    this.#wire = wire
    bindMethods(this, RedisCommands.prototype, StrictCommands.prototype)
  }

  /** 'PONG' from a healthy server. */
  ping(): Promise<RawReply> {
    return this.#wire.send('PING')
  }

  /** Tells a stored `null` from an absent key. */
  async lookup<T>(key: string): Promise<{ found: true; value: T } | { found: false }> {
    const { send, physical, fields } = this.#wire
    const reply = await send('GET', physical(key))
    return typeof reply === 'string' ? fields.open<T>(key, reply) : { found: false }
  }
}

function bindMethods(target: object, ...prototypes: object[]): void {
  for (const prototype of prototypes) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype)))
      if (name !== 'constructor') Object.defineProperty(target, name, { value: value.bind(target) })
  }
}
