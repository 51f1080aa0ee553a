/**
 * A Redis in memory, with the commands and scripts that the cache sends. `tests/testing/memoryRedis.test.ts` compares it
 * with a real one.
 */
import type { Argument, RawReply } from '../../core-services/cache/redis/pipeline'
import { collectionCommands } from './collectionCommands'
import { integer, keyCommands } from './keyCommands'
import { createKeyspace, replyError } from './keyspace'
import { scripts } from './scripts'

export type Command = readonly [name: string, ...args: Argument[]]

export interface MemoryRedis {
  /** Throws a ReplyError with the text of Redis when Redis would refuse the command. */
  execute(command: Command): RawReply
  /** How many commands were executed, those inside scripts included, as Upstash bills them. */
  readonly executed: number
  names(): string[]
  /** The text of a key; null when it does not exist or holds another type. */
  peek(name: string): string | null
  evict(name: string): void
  clear(): void
}

/** `now`: time in ms. */
export function createMemoryRedis(now: () => number): MemoryRedis {
  const keys = createKeyspace(now)
  const commands = { ...keyCommands(keys, now), ...collectionCommands(keys) }
  let executed = 0

  function execute([name, ...args]: Command): RawReply {
    executed += 1
    const texts = args.map(String)
    const command = name.toUpperCase()
    if (command === 'EVAL') return runScript(texts)
    const run = commands[command]
    if (!run) throw replyError(`ERR unknown command '${name}': the Redis in memory does not implement it`)
    return run(texts)
  }

  function runScript([text = '', count = '', ...rest]: readonly string[]): RawReply {
    const script = scripts.get(text)
    if (!script) throw replyError('ERR unknown script: the Redis in memory runs only those of the cache')
    const call = (...command: Command) => execute(command)
    return script(call, rest.slice(0, integer(count)), rest.slice(integer(count)))
  }

  return {
    execute,
    get executed() {
      return executed
    },
    names: keys.names,
    peek(name) {
      const content = keys.find(name)
      return typeof content === 'string' ? content : null
    },
    evict: (name) => {
      keys.remove(name)
    },
    clear: keys.clear,
  }
}
