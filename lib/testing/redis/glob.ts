/** The patterns of Redis: `*`, `?`, `[abc]`, `[^a-c]`, and `\` before a literal character. They match bytes. */
export function globMatches(pattern: string): (text: string) => boolean {
  const steps = parseGlob(toByteText(pattern))
  return (text) => match(steps, toByteText(text))
}

type Step = 'anything' | ((byte: string) => boolean)

const toByteText = (text: string): string => Buffer.from(text).toString('latin1')

function parseGlob(pattern: string): Step[] {
  const steps: Step[] = []
  for (let index = 0; index < pattern.length; index += 1) {
    if (pattern[index] === '*') steps.push('anything')
    else if (pattern[index] === '?') steps.push(() => true)
    else if (pattern[index] === '[') {
      const { end, step } = parseGroup(pattern, index)
      steps.push(step)
      index = end
    } else {
      if (pattern[index] === '\\' && index + 1 < pattern.length) index += 1
      const literal = pattern[index]
      steps.push((byte) => byte === literal)
    }
  }
  return steps
}

/** Parses a group such as `[a-c]`. A group without `]` ends at the end of the pattern. */
function parseGroup(pattern: string, start: number): { end: number; step: Step } {
  const negated = pattern[start + 1] === '^'
  const ranges: [from: string, to: string][] = []
  let index = start + (negated ? 2 : 1)
  for (; index < pattern.length && pattern[index] !== ']'; index += 1) {
    if (pattern[index] === '\\' && index + 1 < pattern.length) index += 1
    else if (pattern[index + 1] === '-' && index + 2 < pattern.length) {
      const [from = '', to = ''] = [pattern[index] ?? '', pattern[index + 2] ?? ''].sort()
      ranges.push([from, to])
      index += 2
      continue
    }
    ranges.push([pattern[index] ?? '', pattern[index] ?? ''])
  }
  return { end: index, step: (byte) => ranges.some(([from, to]) => from <= byte && byte <= to) !== negated }
}

function match(steps: readonly Step[], text: string): boolean {
  let [step, position] = [0, 0]
  /** Where to continue when the steps after the last `*` do not match here. */
  let retry: { step: number; position: number } | undefined
  while (position < text.length || step < steps.length) {
    const current = steps[step]
    if (current === 'anything') {
      retry = { step, position: position + 1 }
      step += 1
    } else if (current !== undefined && position < text.length && current(text[position] ?? '')) {
      step += 1
      position += 1
    } else {
      if (!retry || retry.position > text.length) return false
      step = retry.step
      position = retry.position
    }
  }
  return true
}
