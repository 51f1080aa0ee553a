import { readFileSync } from 'node:fs'

/** The code block of a document whose fence is marked with these words. */
export function snippetOf(document: string, fence: string): string {
  const [found] = snippetsIn(document, fence)
  if (found === undefined) throw new Error(`${document} has no block marked ${fence}`)
  return found
}

/** All code blocks of a document whose fence is marked with these words, in their order. */
export function snippetsIn(document: string, fence: string): string[] {
  const blocks = readFileSync(document, 'utf8').matchAll(
    new RegExp(`\`\`\`${fence}\\n([\\s\\S]*?)\n\`\`\``, 'g'),
  )
  return [...blocks].map(([, block = '']) => block)
}

/** Replaces each line that shows with an arrow what an expression gives: `status // → 'hit'`. `line`: its index. */
export function replaceArrows(
  code: string,
  toCode: (expression: string, value: string, line: number) => string,
): string {
  const lines = code.split('\n').map((text, line) => {
    const [, expression, value] = /^;?(.+?) +\/\/ → (.+)$/.exec(text) ?? []
    return expression === undefined || value === undefined ? text : toCode(expression, value, line)
  })
  return lines.join('\n')
}
