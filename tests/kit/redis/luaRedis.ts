import { LuaWasmEngine } from 'lua-redis-wasm'
import type { RawReply, Send } from '@/lib/core-services/cache/redis/pipeline'

/** A Redis in this thread that runs shipped scripts by a clock of the test's. It knows TIME, GET, MGET and SET … PX. */
export interface LuaRedis {
  /** Runs the script at once; `send` is the same, as the engine's modules want it. */
  execute(...command: Parameters<Send>): RawReply
  send: Send
  /** Begins again, empty, with another clock: `now` tells ms. */
  reset(now: () => number): void
  /** Forgets everything. */
  flush(): void
  /** How many commands Upstash would have billed. */
  readonly billed: number
}

export async function startLuaRedis(): Promise<LuaRedis> {
  let now = () => 0
  let billed = 0
  const values = new Map<string, { text: string; until: number }>()

  const read = (name: string) => {
    const value = values.get(name)
    return value && value.until > now() ? Buffer.from(value.text) : null
  }

  function call(args: readonly Buffer[]) {
    const [command = '', name = '', text = '', , milliseconds = ''] = args.map(String)
    billed += 1
    switch (command) {
      case 'TIME':
        return [Math.floor(now() / 1000), Math.floor((now() % 1000) * 1000)].map((part) =>
          Buffer.from(`${part}`),
        )
      case 'GET':
        return read(name)
      case 'MGET':
        return args.slice(1).map((one) => read(String(one)))
      case 'SET':
        values.set(name, { text, until: now() + Number(milliseconds) })
        return { ok: Buffer.from('OK') }
      default:
        throw new Error(`a script of a test called ${command}`)
    }
  }
  const engine = await LuaWasmEngine.create({
    host: { redisCall: call, redisPcall: call, log: () => undefined },
  })

  function execute(command: string, script: string | number = '', ...rest: (string | number)[]): RawReply {
    if (command !== 'EVAL')
      return plain(call([command, script, ...rest].map((arg) => Buffer.from(String(arg)))))
    billed += 1
    const [count, ...args] = rest.map((arg) => Buffer.from(String(arg)))
    const keys = args.splice(0, Number(count))
    // The shebang is Redis's own: the language knows none.
    const reply = engine.evalWithArgs(String(script).replace(/^#!.*\n/, ''), keys, args)
    if (Array.isArray(reply)) return reply.map(Number)
    if (typeof reply === 'number') return reply
    throw new Error(
      `the script failed: ${JSON.stringify(reply, (_, value) => (value?.type === 'Buffer' ? String(Buffer.from(value.data)) : value))}`,
    )
  }
  const plain = (reply: ReturnType<typeof call>): RawReply => {
    if (Array.isArray(reply)) return reply.map((part) => part && String(part))
    return reply instanceof Buffer ? String(reply) : null
  }
  return {
    execute,
    send: async (...command) => execute(...(command as [string, string, ...string[]])),
    flush: () => values.clear(),
    reset(clock) {
      now = clock
      billed = 0
      values.clear()
    },
    get billed() {
      return billed
    },
  }
}
