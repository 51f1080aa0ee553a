import { createHash } from 'node:crypto'
import { hasShebang, rewriteShebang, type ShebangSupport } from './shebang'
import type { Argument, Command, Reply } from './types'

/** A command as the engine is to get it, and what to answer in place of its reply when that differs. */
export interface Translated {
  readonly command: Command
  readonly answer?: Reply
}

/** Turns a command of the vendor's dialect into one the engine knows. */
export type Translate = (command: Command) => Promise<Translated>

const sha1 = (script: string): string => createHash('sha1').update(script).digest('hex')

/**
 * Rewrites scripts for the engine and keeps the SHA the caller knows usable: a client computes it from the text it
 * sent, while the engine has another text under another SHA. `support` is only asked for scripts with a shebang.
 */
export function createScriptTranslation(support: () => Promise<ShebangSupport>): Translate {
  const engineSha = new Map<string, string>()

  const rewrite = async (script: Argument): Promise<string> => {
    const source = script.toString()
    if (!hasShebang(source)) return source
    const rewritten = rewriteShebang(source, await support())
    if (rewritten !== source) engineSha.set(sha1(source), sha1(rewritten))
    return rewritten
  }
  const toEngineSha = (sha: Argument): Argument => engineSha.get(sha.toString().toLowerCase()) ?? sha

  const translateScript = async ([name, ...args]: Command): Promise<Translated> => {
    const [subcommand = '', ...rest] = args
    const [script] = rest
    const upper = subcommand.toString().toUpperCase()
    if (upper === 'EXISTS') return { command: [name, subcommand, ...rest.map(toEngineSha)] }
    if (upper !== 'LOAD' || script === undefined || rest.length > 1) return { command: [name, ...args] }
    const rewritten = await rewrite(script)
    const translated: Translated = { command: [name, subcommand, rewritten] }
    return rewritten === script.toString()
      ? translated
      : { ...translated, answer: Buffer.from(sha1(script.toString())) }
  }

  return async (command) => {
    const [name, first, ...rest] = command
    if (first === undefined) return { command }
    switch (name.toUpperCase()) {
      case 'EVAL':
      case 'EVAL_RO':
        return { command: [name, await rewrite(first), ...rest] }
      case 'EVALSHA':
      case 'EVALSHA_RO':
        return { command: [name, toEngineSha(first), ...rest] }
      case 'SCRIPT':
        return translateScript(command)
      case 'ECHO':
        // The embedded engine has no ECHO; a PING with an argument answers the same everywhere.
        return { command: rest.length === 0 ? ['PING', first] : command }
      default:
        return { command }
    }
  }
}
