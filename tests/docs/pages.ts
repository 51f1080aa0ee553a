/** Reads the documentation as data: code blocks, paragraphs, table cells, headings and links. */
import { readdirSync, readFileSync } from 'node:fs'

export interface CodeBlock {
  /** The words behind the fence, such as `ts test`. */
  info: string
  code: string
  /** The heading of level 2 that the block is below, as an anchor; '' above the first one. */
  section: string
  /** Number of its first line of code, from 1 on. */
  line: number
}

export interface Page {
  path: string
  text: string
  blocks: readonly CodeBlock[]
  /** The text outside of code blocks, line by line. */
  prose: readonly string[]
}

const DOCS = readdirSync('docs').filter((name) => name.endsWith('.md'))

/** Pages that readers of the project get: the paragraph and link rules hold for all of them. */
export const PAGES = [
  'README.md',
  ...DOCS.map((name) => `docs/${name}`),
  'CONTRIBUTING.md',
  'SECURITY.md',
  'tests/README.md',
]

export function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8')
  const blocks: CodeBlock[] = []
  const prose: string[] = []
  let section = ''
  let open: { info: string; lines: string[]; line: number } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (open && fence) {
      blocks.push({ info: open.info, code: open.lines.join('\n'), section, line: open.line })
      open = undefined
    } else if (open) open.lines.push(line)
    else if (fence) open = { info: fence[1] ?? '', lines: [], line: index + 2 }
    else {
      const [, heading] = /^## (.+)$/.exec(line) ?? []
      if (heading !== undefined) section = toAnchor(heading)
      prose.push(line)
    }
  }
  if (open) throw new Error(`${path}: the code block of line ${open.line - 1} has no end`)
  return { path, text, blocks, prose }
}

/** What GitHub makes of a heading. */
export function toAnchor(heading: string): string {
  return visibleText(heading)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')
}

export function anchorsIn({ prose }: Page): Set<string> {
  const seen = new Map<string, number>()
  return new Set(
    prose.flatMap((line) => {
      const [, heading] = /^#{1,6} (.+)$/.exec(line) ?? []
      if (heading === undefined) return []
      const anchor = toAnchor(heading)
      const count = seen.get(anchor) ?? 0
      seen.set(anchor, count + 1)
      return [count === 0 ? anchor : `${anchor}-${count}`]
    }),
  )
}

/** Targets of links and images, without those of other sites. */
export function linksIn({ prose }: Page): string[] {
  const targets = [...prose.join('\n').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target))
}

/** A paragraph is a block of text or an item of a list, outside of code, tables, headings and lines that are an image. */
export function paragraphsIn({ prose }: Page): string[] {
  const paragraphs: string[] = []
  let current: string[] = []
  const end = () => {
    if (current.length > 0) paragraphs.push(visibleText(current.join(' ')))
    current = []
  }
  for (const line of prose) {
    if (/^\s*$|^#{1,6} |^\||^!?\[!?\[?[^\]]*\]\([^)]*\)(\]\([^)]*\))?$/.test(line)) end()
    else if (/^\s*(?:[-*]|\d+\.) /.test(line)) {
      end()
      current = [line.replace(/^\s*(?:[-*]|\d+\.) /, '')]
    } else current.push(line.trim())
  }
  end()
  return paragraphs
}

export function tableCellsIn({ prose }: Page): string[] {
  const rows = prose.filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
  // A bar inside of code is not the end of a cell.
  return rows.flatMap((row) => row.replaceAll('\\|', '¦').split('|').slice(1, -1)).map(visibleText)
}

export const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length

/** Links and images as a reader sees them. */
function visibleText(markdown: string): string {
  return markdown.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').trim()
}
