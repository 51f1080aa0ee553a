import type { Backend } from './backend'
import { countCommand, type UpstashCounters } from './counters'
import type { Translate, Translated } from './scripts'
import { type Command, type CommandError, isError, type Outcome } from './types'
import { refuseUnavailable } from './unavailable'

/** Parsed input: a command, or what was wrong with it. */
export type Parsed = Command | CommandError

/** Runs commands as the vendor would; every method rejects while the engine cannot be reached. */
export interface Executor {
  run(command: Parsed): Promise<Outcome>
  /** In order, each on its own: commands of other requests may come in between. */
  runPipeline(commands: readonly Parsed[]): Promise<Outcome[]>
  /** All or none; an error instead of an array when one command is bad or the engine discards the whole. */
  runTransaction(commands: readonly Parsed[]): Promise<Outcome[] | CommandError>
}

const check = (parsed: Parsed): Parsed => (isError(parsed) ? parsed : (refuseUnavailable(parsed) ?? parsed))

function substitute(outcome: Outcome, { answer }: Translated): Outcome {
  return isError(outcome) || answer === undefined ? outcome : { result: answer }
}

export function createExecutor(backend: Backend, translate: Translate, counters: UpstashCounters): Executor {
  const run = async (parsed: Parsed): Promise<Outcome> => {
    const checked = check(parsed)
    if (isError(checked)) return checked
    countCommand(counters, checked)
    const translated = await translate(checked)
    return substitute(await backend.run(translated.command), translated)
  }

  return {
    run,
    runPipeline: async (commands) => {
      const outcomes: Outcome[] = []
      for (const command of commands) outcomes.push(await run(command))
      return outcomes
    },
    runTransaction: async (commands) => {
      const translated: Translated[] = []
      for (const parsed of commands) {
        const checked = check(parsed)
        if (isError(checked)) return checked
        countCommand(counters, checked)
        translated.push(await translate(checked))
      }
      const outcomes = await backend.runTransaction(translated.map(({ command }) => command))
      return isError(outcomes)
        ? outcomes
        : outcomes.map((outcome, index) => {
            const sent = translated[index]
            return sent === undefined ? outcome : substitute(outcome, sent)
          })
    },
  }
}
