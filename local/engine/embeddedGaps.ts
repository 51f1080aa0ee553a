/** Adds what js-redis-server lacks: ECHO, MEMORY USAGE, scripts that begin with a shebang. */
import { serialize } from 'node:v8'
import {
  defineCommand,
  RedisResult,
  RedisServerState,
  RedisSyntaxError,
  RedisValue,
  t,
} from 'js-redis-server/core'

const echo = defineCommand({
  name: 'echo',
  schema: t.object({ message: t.bulk() }),
  flags: ['fast'],
  keys: () => [],
  execute: ({ message }) => RedisResult.create(RedisValue.bulkString(message)),
})

/** Only MEMORY USAGE, estimated from the name and the serialized contents. */
const memory = defineCommand({
  name: 'memory',
  schema: t.object({ subcommand: t.string(), key: t.key(), options: t.variadic(t.string()) }),
  flags: ['readonly'],
  keys: ({ key }) => [key],
  execute: ({ subcommand, key, options }, { db }) => {
    const [option = 'samples', , ...rest] = options
    if (subcommand.toLowerCase() !== 'usage' || option.toLowerCase() !== 'samples' || rest.length > 0) {
      throw new RedisSyntaxError()
    }
    const value = db.get(key)
    if (value === null) return RedisResult.nil()
    return RedisResult.create(RedisValue.integer(key.length + serialize(value).length))
  },
})

export const missingCommands = [echo, memory]

/** Scripts may begin with `#!lua`. Of its flags only `no-writes` is supported. */
export class EmbeddedState extends RedisServerState {
  #runtime: ReturnType<RedisServerState['getLuaRuntime']> | undefined

  override getLuaRuntime(): ReturnType<RedisServerState['getLuaRuntime']> {
    this.#runtime ??= super.getLuaRuntime().then((runtime) => {
      const evaluate = runtime.eval.bind(runtime)
      runtime.eval = (script, keys, args, context, options) => {
        const end = script.indexOf('\n')
        const line = script.subarray(0, end < 0 ? script.length : end)
        if (!/^#!lua\b/.test(line.toString())) return evaluate(script, keys, args, context, options)
        const readOnly = options?.readOnly || /\bflags=\S*\bno-writes\b/.test(line.toString())
        // The newline stays, so that line numbers in errors stay right.
        return evaluate(script.subarray(line.length), keys, args, context, { readOnly })
      }
      return runtime
    })
    return this.#runtime
  }
}
