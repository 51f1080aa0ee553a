import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listImports, read, resolveImport } from './kit/house/sources'
import { snippetsIn, withAssertions } from './kit/text/snippets'

const run = promisify(execFile)
const output = (error: { stdout: string }) => error

const [setUp = '', ...scenarios] = snippetsIn('docs/freshness.md', 'ts freshness')

describe('the snippets of the documents', () => {
  let folder: string

  beforeAll(() => {
    folder = mkdtempSync('.readme-check-')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { incremental: false, paths: { '@/*': ['../*'] } },
        include: ['*.ts', '../lib/core-services/serviceLoader.ts'],
      }),
    )
    const [airtable = ''] = snippetsIn('docs/airtable.md', 'ts airtable')
    writeFileSync(join(folder, 'airtable.ts'), airtable)
    const tests = scenarios.map(
      (code, index) => `it('${index + 1}', async () => {\n${withAssertions(code)}\n})`,
    )
    const reset = "beforeEach(() => {\n  test.reset()\n  name = 'Ada'\n  fetcher.mockClear()\n})"
    const imports = "import { beforeEach, expect, it } from 'vitest'"
    writeFileSync(join(folder, 'freshness.test.ts'), [imports, setUp, reset, ...tests].join('\n'))
    writeFileSync(
      join(folder, 'vitest.config.ts'),
      `import base from '../vitest.config'
      export default { ...base, test: { ...base.test, include: ['**/freshness.test.ts'], exclude: [] } }`,
    )
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('pass the type check of the project', async () => {
    const tsc = ['node_modules/typescript/bin/tsc', '-p', join(folder, 'tsconfig.json')]
    expect(await run(process.execPath, tsc).catch(output)).toMatchObject({ stdout: '' })
  })

  it('of docs/freshness.md give what their comments say', async () => {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', join(folder, 'vitest.config.ts')]
    const { stdout } = await run(process.execPath, [...vitest, '--dir', folder]).catch(output)
    expect(scenarios.length).toBeGreaterThan(5)
    expect(stdout).toMatch(new RegExp(`Tests .*${scenarios.length} passed`))
  })
})

describe.each(['airtable', 'architecture', 'freshness', 'operations'])('docs/%s.md', (name) => {
  const document = read(`docs/${name}.md`)
  const prose = document.replace(/^```[\s\S]*?^```/gm, '')

  it('names files and folders that are there', () => {
    const code = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
    const paths = code.filter((text) =>
      /^(?:app|bench|docs|lib|local|scripts|tests)\/[\w./[\]()-]*$/.test(text),
    )
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
  })

  it('has what its links lead to, in other documents too', () => {
    const anchors = (path: string) =>
      [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      )
    const links = [...prose.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(
      ([, path = '', anchor]) => ({
        path: path === '' ? `docs/${name}.md` : join(dirname(`docs/${name}.md`), path),
        anchor,
      }),
    )
    const isDead = ({ path, anchor }: { path: string; anchor?: string | undefined }) =>
      !existsSync(path) || (anchor !== undefined && !anchors(path).includes(anchor))
    expect(links.filter(isDead)).toEqual([])
  })
})

describe('docs/architecture.md', () => {
  const document = read('docs/architecture.md')

  it('follows a read through 8 files at most, each of which imports the next one', () => {
    const section = document.split(/^## /m).find((part) => part.startsWith('Follow a read')) ?? ''
    const files = [...section.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file]) => file ?? '')
    expect(files.length).toBeGreaterThan(4)
    expect(files.length).toBeLessThanOrEqual(8)
    const imported = (file: string) => listImports(file).map((name) => resolveImport(file, name))
    const missing = files.slice(1).filter((file, index) => !imported(files[index] ?? '').includes(file))
    expect(missing).toEqual([])
    expect(files[0]).toMatch(/^app\/.*\/route\.ts$/)
    expect(read(files.at(-1) ?? '')).toMatch(/\bfetch\(/)
  })

  it('has every folder of lib in its tree, and no other', () => {
    const [, tree = ''] = /```text\n([\s\S]*?)```/.exec(document) ?? []
    const path: string[] = []
    const named = tree.split('\n').flatMap((line) => {
      const [, indent = '', folder] = /^( *)(\S+)\/ /.exec(line) ?? []
      if (folder === undefined) return []
      path.splice(indent.length / 2)
      path.push(folder)
      return [path.join('/')]
    })
    const folders = readdirSync('lib', { recursive: true, withFileTypes: true })
      .filter((one) => one.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name))
    expect(named.filter((folder) => folder.startsWith('lib/')).sort()).toEqual(folders.sort())
  })
})

it('docs/airtable.md explains every reason for which everything is read', () => {
  const folder = 'lib/core-services/airtable'
  const unions = [`${folder}/sync/syncPlan.ts`, `${folder}/changelog/payloads.ts`].map((file) =>
    /type (?:WhyFull|Unreadable) =([\s\S]*?)\n\n/.exec(read(file)),
  )
  const reasons = unions
    .flatMap((union) => [...(union?.[1] ?? '').matchAll(/'([a-z-]+)'/g)])
    .map(([, why]) => why)
  expect(reasons.length).toBeGreaterThan(10)
  expect(reasons.filter((why) => !read('docs/airtable.md').includes(`\`${why}\``))).toEqual([])
})
