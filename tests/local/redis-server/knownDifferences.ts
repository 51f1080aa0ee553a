/**
 * What the embedded engine answers otherwise than redis-server, each with its reason. Everything else is compared to
 * the letter.
 */
interface KnownDifference {
  reason: string
  applies(command: string, error: string): boolean
  /** What is left of the error to compare. */
  comparable(error: string): string
}

const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    reason:
      'An error inside a script names the line, the script and the command in the words of each engine.',
    applies: (command) => command === 'EVAL',
    comparable: (error) => error.split(' ')[0] ?? '',
  },
  {
    reason: 'Of several mistakes in one command each engine names the one that it looks at first.',
    applies: (_, error) =>
      [
        /^ERR value is not (an integer or out of range|a valid float)$/,
        /^ERR value is out of range, must be positive$/,
        /^ERR (syntax error|invalid cursor)$/,
        /^ERR invalid expire time in '\w+' command$/,
        /^ERR Unsupported option /,
        /^ERR (NX and XX, )?GT (or|and) LT options at the same time are not compatible$/,
      ].some((malformed) => malformed.test(error)),
    comparable: () => 'malformed',
  },
]

/** The error as far as it must be the same on both engines. */
export function refusalOf(command: string, error: string): string {
  const difference = KNOWN_DIFFERENCES.find(({ applies }) => applies(command, error))
  return difference ? difference.comparable(error) : error
}
