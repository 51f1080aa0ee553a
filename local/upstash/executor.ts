import type { Readable } from 'node:stream'
import { type Command, type EngineConnection, isError, type Reply } from '../engine/connection'
import { countCommand, type UpstashCounters } from './counters'
import { createDialect, type Translated } from './dialect'
import { isRefusal, refuse } from './errors'
import { toCommand } from './parse'
import { available, type Rule, shortKeys } from './rules'

export type Executor = ReturnType<typeof createExecutor>

const restore = (reply: Reply, { answer = reply }: Translated): Reply => (isError(reply) ? reply : answer)

/** Runs commands as the vendor does, if `rule` allows them. Every method rejects while the engine is unreachable. */
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

  /** Resolves with an error reply when the command is refused. */
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
    /** Runs commands in order, each separately. Commands of other requests may come in between. */
    runPipeline: async (entries: readonly unknown[], rule: Rule): Promise<Reply[]> => {
      const replies: Reply[] = []
      for (const entry of entries) replies.push(await run(entry, rule))
      return replies
    },
    /** Runs all commands or none. Refuses all when one is not valid, or the engine discards the transaction. */
    runTransaction: async (entries: readonly unknown[], rule: Rule): Promise<Reply[]> => {
      const prepared: Translated[] = []
      for (const entry of entries) prepared.push(await prepare(entry, rule))
      const replies = await engine.runTransaction(prepared.map(({ command }) => command))
      if (isError(replies)) return refuse(replies.error)
      return prepared.map((sent, index) => restore(replies[index] ?? null, sent))
    },
  }
}
