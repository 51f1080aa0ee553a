/**
 * The code in the documents. All TypeScript below one heading makes one module: it is type-checked, and run when a line of
 * it ends with `// → value` or when it is marked as a test.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { replaceArrows, snippetsIn } from '../kit/text/snippets'
import { type CodeBlock, readPage } from './pages'

const TSC = 'node_modules/typescript/bin/tsc'
const VITEST = 'node_modules/vitest/vitest.mjs'

/** Pages of which every block is looked at; of the others those that are marked with a word. */
const WHOLE_PAGES = ['README.md', 'docs/guide.md', 'docs/reference.md', 'CONTRIBUTING.md']
const MARKED = [{ path: 'docs/airtable.md', mark: 'ts airtable' }]
/** Its first block is what each of the others begins with. */
const SCENARIOS = { path: 'docs/freshness.md', mark: 'ts freshness' }

/** What the file has that a block is meant to be written into. */
const SURROUNDINGS: Record<string, string> = {
  'README.md#a-field-in-ten-lines': `
    import { z } from 'zod'
    import type { FieldCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'`,
}

const EXAMPLE = `
import { expect as expectShown, it as itShows } from 'vitest'
import { createTestCache as createExample } from '@/lib/testing/testCache'
const test = await createExample()
test.install()
const shown: [line: string, got: unknown, wanted: unknown][] = []
`
const CHECKS = `
itShows.each(shown)('shows what comes of line %s', (_line, got, wanted) => {
  if (typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)) expectShown(got).toMatchObject(wanted)
  else expectShown(got).toEqual(wanted)
})
`

/** One process for all files, which load the same modules. Each of them installs a cache of its own. */
const CONFIG = `
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    tsconfigPaths: true,
    alias: { 'next/navigation': 'next/dist/client/components/navigation.react-server' },
  },
  ssr: { resolve: { conditions: ['react-server', 'node', 'import', 'module', 'default'] } },
  test: { include: ['**/*.test.ts'], isolate: false, fileParallelism: false },
})
`

interface Module {
  /** The page, and the heading that the code is below. */
  from: string
  file: string
  code: string
  /** How many lines are run and compared, or tests. */
  checks: number
}

const isTypeScript = ({ info }: CodeBlock) => /^tsx?\b/.test(info)

function modulesOf(path: string, mark?: string): Module[] {
  const blocks = readPage(path).blocks.filter(
    (block) => isTypeScript(block) && (mark === undefined || block.info === mark),
  )
  return [...new Set(blocks.map(({ section }) => section))].map((section) =>
    toModule(
      path,
      section,
      blocks.filter((block) => block.section === section),
    ),
  )
}

function toModule(path: string, section: string, blocks: readonly CodeBlock[]): Module {
  const from = `${path}#${section}`
  const name = from.replaceAll(/[^a-z-]+/gi, '-')
  const extension = blocks.some(({ info }) => info.startsWith('tsx')) ? 'tsx' : 'ts'
  const code = [SURROUNDINGS[from] ?? '', ...blocks.map(withChecks)].join('\n')
  const tests = blocks.filter(({ info }) => info === 'ts test').length
  if (tests > 0) return { from, file: `${name}.test.ts`, code, checks: tests }
  const checks = code.split(PUSH).length - 1
  if (checks === 0) return { from, file: `${name}.${extension}`, code, checks }
  return { from, file: `${name}.test.${extension}`, code: EXAMPLE + code + CHECKS, checks }
}

const PUSH = 'shown.push('

/** Each block is a test of its own over the first one, from a cache that is empty again. */
function scenarioModule({ path, mark }: typeof SCENARIOS): Module {
  const [setUp = '', ...scenarios] = snippetsIn(path, mark)
  const reset = "beforeEach(() => {\n  test.reset()\n  name = 'Ada'\n  fetcher.mockClear()\n})"
  const tests = scenarios.map(
    (code, index) => `it('${path}, scenario ${index + 1}', async () => {\n${withAssertions(code)}\n})`,
  )
  const code = ["import { beforeEach, expect, it } from 'vitest'", setUp, reset, ...tests].join('\n')
  return { from: path, file: 'freshness.test.ts', code, checks: scenarios.length }
}

/** Asserts each shown value at once. */
const withAssertions = (code: string): string =>
  replaceArrows(
    code,
    (expression, value) => `;(await expect(Promise.resolve(${expression})).resolves.toEqual(${value}))`,
  )

/** Keeps each expression and its shown value, to compare them once everything has run. */
function withChecks({ code, line }: CodeBlock): string {
  // Cloned, so that an object that changes later is compared as it was.
  return replaceArrows(
    code,
    (expression, value, index) => `${PUSH}['${line + index}', structuredClone(${expression}), ${value}])`,
  )
}

describe('the code in the documents', () => {
  const modules = [
    ...WHOLE_PAGES.flatMap((path) => modulesOf(path)),
    ...MARKED.flatMap(({ path, mark }) => modulesOf(path, mark)),
    scenarioModule(SCENARIOS),
  ]
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync('.docs-check-')
    for (const { file, code } of modules) writeFileSync(join(folder, file), code)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { incremental: false, noUnusedLocals: false, paths: { '@/*': ['../*'] } },
        include: ['*.ts', '*.tsx', '../next-env.d.ts', '../lib/core-services/serviceLoader.ts'],
      }),
    )
    writeFileSync(join(folder, 'vitest.config.ts'), CONFIG)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('passes the type check of the project', async () => {
    const check = promisify(execFile)(process.execPath, [TSC, '-p', join(folder, 'tsconfig.json')])
    expect(await check.catch((error: { stdout: string }) => error)).toMatchObject({ stdout: '' })
  }, 60_000)

  it('does what it says', async () => {
    const args = [VITEST, 'run', '--config', join(folder, 'vitest.config.ts'), '--dir', folder]
    const run = promisify(execFile)(process.execPath, [...args, '--reporter', 'json'])
    const { stdout } = await run.catch((error: { stdout: string }) => error)
    const report: { testResults: { name: string; message: string; assertionResults: Assertion[] }[] } =
      JSON.parse(stdout.slice(stdout.indexOf('{')))
    const ran = report.testResults.flatMap(({ assertionResults }) => assertionResults)
    const failures = ran.filter(({ status }) => status !== 'passed')
    expect({ failures, broken: report.testResults.map(({ message }) => message).filter(Boolean) }).toEqual({
      failures: [],
      broken: [],
    })
    expect(ran).toHaveLength(modules.reduce((sum, { checks }) => sum + checks, 0))
    expect(ran.length).toBeGreaterThan(30)
  }, 60_000)
})

interface Assertion {
  fullName: string
  status: string
  failureMessages: string[]
}
