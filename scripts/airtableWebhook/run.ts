import type { Context } from './context'
import { create } from './create'
import { list, refresh, remove, status } from './maintain'
import { usageInvalid } from './usage'

export interface Options {
  url: string | undefined
  tables: readonly string[]
}

/** Resolves with the exit code. Creates the context only for a known command. */
export async function runCommand(
  [command = '', id, ...rest]: readonly string[],
  options: Options,
  context: () => Promise<Context>,
): Promise<number> {
  const run = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  if (!run) throw usageInvalid(`There is no command "${command}"`)
  if (rest.length > 0 || (id !== undefined && !TAKES_ID.has(command)))
    throw usageInvalid(`${command} does not take "${rest[0] ?? id}"`)
  if (command !== 'create' && (options.url !== undefined || options.tables.length > 0))
    throw usageInvalid(`${command} takes neither --url nor --table`)
  return (await run(await context(), id, options)) === false ? 1 : 0
}

type Command = (context: Context, id: string | undefined, options: Options) => Promise<unknown>

const COMMANDS: Readonly<Record<string, Command>> = {
  create: (context, _, options) => create(context, options),
  list,
  status,
  refresh,
  delete: remove,
}
const TAKES_ID: ReadonlySet<string> = new Set(['refresh', 'delete'])
