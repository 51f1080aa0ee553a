/**
 * A Redis in memory, with the commands and scripts that the cache sends, each atomic, on one primary.
 * `tests/testing/memoryRedis.test.ts` holds it to a real one.
 */
import type { Argument, RawReply } from '../../core-services/cache/redis/pipeline'
import { collectionCommands } from './collectionCommands'
import { integer, keyCommands } from './keyCommands'
import { createKeyspace, replyError } from './keyspace'
import { scripts } from './scripts'

export type Command = readonly [name: string, ...args: Argument[]]

export interface MemoryRedis {
  /** Throws the text with which Redis refuses a command, as a ReplyError. */
  execute(command: Command): RawReply
  /** How many commands were executed, those of scripts included: what Upstash bills. */
  readonly executed: number
  /** Of the keys that have not expired, sorted. */
  names(): string[]
  /** Null for what is no text, too. */
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
    if (!run) throw replyError(`ERR unknown command '${name}': the Redis in memory does not have it`)
    return run(texts)
  }

  function runScript([text = '', count = '', ...rest]: readonly string[]): RawReply {
    const script = scripts.get(text)
    if (!script) throw replyError('ERR unknown script: the Redis in memory runs those of the cache only')
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
