/** Words that leave open who is meant. A comment names the process, the instance, the fetch, the reader or the caller. */
import { read } from './sources'

export const BANNED = /\b(?:anybody|nobody|somebody|whoever|whom)\b/i

const COMMENT = /^\s*(\/\*|\*|\/\/).*|(^|\s)\/\/ .*/

/** The comment lines of a file that hold one of these words, each with its place. */
export function findBannedWords(file: string): string[] {
  return read(file)
    .split('\n')
    .flatMap((line, index) => {
      const [comment] = COMMENT.exec(line) ?? []
      return comment !== undefined && BANNED.test(comment) ? [`${file}:${index + 1}: ${line.trim()}`] : []
    })
}
