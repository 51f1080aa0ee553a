import { readFileSync } from 'node:fs'

/** The code block of a document whose fence is marked with these words. */
export function snippetOf(document: string, fence: string): string {
  const found = readFileSync(document, 'utf8').match(new RegExp(`\`\`\`${fence}\\n([\\s\\S]*?)\n\`\`\``))?.[1]
  if (found === undefined) throw new Error(`${document} has no block marked ${fence}`)
  return found
}
