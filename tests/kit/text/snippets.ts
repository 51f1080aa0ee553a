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

/** Makes an assertion of each line that says with an arrow what it gives: `status // → 'hit'`. */
export function withAssertions(code: string): string {
  return code.replace(/^;?(.+?) \/\/ → (.+)$/gm, ';(await expect(Promise.resolve($1)).resolves.toEqual($2))')
}
