/**
 * Upstash bills each command, each entry of a pipeline, and for a script EVAL and each call inside it
 * (https://upstash.com/docs/redis/overall/pricing).
 */
import { processState } from '../../../shared/processState'

/** `reply`: undefined when unknown. `keys`: how many. */
export type ScriptCalls = (reply: unknown, keys: number) => number

/** A process may hold several copies of the modules with scripts. */
const scripts = () => processState('scripts', () => new Map<string, ScriptCalls>())

/** Registers how many calls a script makes. Returns the script. */
export function billedScript(script: string, calls: ScriptCalls): string {
  scripts().set(script, calls)
  return script
}

/** `replies`: in the order of the commands, undefined where unknown. */
export function billedCommands(
  commands: readonly (readonly unknown[])[],
  replies: readonly unknown[] = [],
): number {
  return commands.reduce((sum, command, index) => sum + billed(command, replies[index]), 0)
}

function billed([name, script, keys]: readonly unknown[], reply: unknown): number {
  if (!/^eval(_ro)?$/i.test(String(name)) || typeof script !== 'string') return 1
  const calls = scripts().get(script)
  // Unregistered: each call in the text counts once.
  return 1 + (calls ? calls(reply, Number(keys)) : script.split('redis.call(').length - 1)
}
