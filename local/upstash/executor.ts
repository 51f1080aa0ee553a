import type { Readable } from 'node:stream'
import { type Command, type EngineConnection, isError, type Reply } from '../engine/connection'
import { countCommand, type UpstashCounters } from './counters'
import { createDialect, type Translated } from './dialect'
import { isRefusal, refuse } from './errors'
import { toCommand } from './parse'
import { available, type Rule, shortKeys } from './rules'

export type Executor = ReturnType<typeof createExecutor>

const restore = (reply: Reply, { answer = reply }: Translated): Reply => (isError(reply) ? reply : answer)

/** Runs commands as the vendor would, `rule` permitting; every method rejects while the engine cannot be reached. */
export function createExecutor(engine: EngineConnection, counters: UpstashCounters) {
  const translate = createDialect()

  const admit = async (entry: unknown, ...rules: Rule[]): Promise<Command> => {
    const command = toCommand(entry)
    for (const rule of rules) await rule(command, engine)
    countCommand(counters, command)
    return command
  }
  const prepare = async (entry: unknown, rule: Rule): Promise<Translated> =>
    translate(await admit(entry, rule, available, shortKeys))

  /** What is refused is a reply, too. */
  const run = async (entry: unknown, rule: Rule): Promise<Reply> => {
    try {
      const prepared = await prepare(entry, rule)
      return restore(await engine.run(prepared.command), prepared)
    } catch (error) {
      if (isRefusal(error)) return { error: error.message }
      throw error
    }
  }

  return {
    run,
    openStream: async (entry: unknown, rule: Rule): Promise<Readable> =>
      engine.openStream(await admit(entry, rule)),
    /** In order, each on its own: commands of other requests may come in between. */
    runPipeline: async (entries: readonly unknown[], rule: Rule): Promise<Reply[]> => {
      const replies: Reply[] = []
      for (const entry of entries) replies.push(await run(entry, rule))
      return replies
    },
    /** All or none: refuses the whole when one command is bad or the engine discards them. */
    runTransaction: async (entries: readonly unknown[], rule: Rule): Promise<Reply[]> => {
      const prepared: Translated[] = []
      for (const entry of entries) prepared.push(await prepare(entry, rule))
      const replies = await engine.runTransaction(prepared.map(({ command }) => command))
      if (isError(replies)) return refuse(replies.error)
      return prepared.map((sent, index) => restore(replies[index] ?? null, sent))
    },
  }
}
