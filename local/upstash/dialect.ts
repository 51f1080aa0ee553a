import { createHash } from 'node:crypto'
import type { Argument, Command, Reply } from '../engine/connection'

/** `answer`: replaces the reply where the vendor's differs. */
export interface Translated {
  readonly command: Command
  readonly answer?: Reply
}

const sha1 = (script: Argument): string => createHash('sha1').update(script).digest('hex')

/** Removes the vendor's flag from a script. Lines keep their numbers. */
export const withoutVendorFlag = (script: Argument): string =>
  script.toString().replace(/^(#!lua\b[^\n]*?) +flags=(\S*)/, (_, start: string, flags: string) => {
    const kept = flags.split(',').filter((flag) => flag !== 'allow-key-locking')
    return kept.length === 0 ? start : `${start} flags=${kept.join(',')}`
  })

/**
 * Translates commands of the vendor's dialect for the engine. The SHA that a client computed from its own text of a script
 * keeps working, although the engine has another text with another SHA.
 */
export function createDialect(): (command: Command) => Translated {
  const engineSha = new Map<string, string>()
  const toEngineSha = (sha: Argument): Argument => engineSha.get(sha.toString().toLowerCase()) ?? sha
  const rewrite = (script: Argument): string => {
    const rewritten = withoutVendorFlag(script)
    if (rewritten !== script.toString()) engineSha.set(sha1(script), sha1(rewritten))
    return rewritten
  }

  return (command) => {
    const [name, first = '', ...rest] = command
    const [second = ''] = rest
    switch (command.length > 2 ? name.toUpperCase().replace(/_RO$/, '') : '') {
      case 'EVAL':
        return { command: [name, rewrite(first), ...rest] }
      case 'EVALSHA':
        return { command: [name, toEngineSha(first), ...rest] }
      case 'FUNCTION':
        return { command: [name, first, ...rest.map(withoutVendorFlag)] }
      case 'SCRIPT': {
        const subcommand = first.toString().toUpperCase()
        if (subcommand === 'EXISTS') return { command: [name, first, ...rest.map(toEngineSha)] }
        if (subcommand !== 'LOAD') return { command }
        return { command: [name, first, ...rest.map(rewrite)], answer: Buffer.from(sha1(second)) }
      }
      default:
        return { command }
    }
  }
}
