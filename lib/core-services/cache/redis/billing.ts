/**
 * What Upstash bills for a request: each command, also each entry of a pipeline, and for a script one for EVAL and one
 * for each call inside it (https://upstash.com/docs/redis/overall/pricing, and the table of costs of its rate limiter).
 */
import { processState } from '../../../shared/processState'

/** How many calls a script has made, by its answer; undefined: it is not known. `keys`: how many it was given. */
export type ScriptCalls = (reply: unknown, keys: number) => number

/** Scripts come and go with the modules they are in, of which a process may have several. */
const scripts = () => processState('scripts', () => new Map<string, ScriptCalls>())

/** Lets the calls of a script be counted exactly. Returns the script. */
export function billedScript(script: string, calls: ScriptCalls): string {
  scripts().set(script, calls)
  return script
}

/** The billed commands of a request; `replies` in the order of the commands, undefined for what is not known. */
export function billedCommands(
  commands: readonly (readonly unknown[])[],
  replies: readonly unknown[] = [],
): number {
  return commands.reduce((sum, command, index) => sum + billed(command, replies[index]), 0)
}

function billed([name, script, keys]: readonly unknown[], reply: unknown): number {
  if (!/^eval(_ro)?$/i.test(String(name)) || typeof script !== 'string') return 1
  const calls = scripts().get(script)
  // Of a script without a description: each call that is written in it, once.
  return 1 + (calls ? calls(reply, Number(keys)) : script.split('redis.call(').length - 1)
}
