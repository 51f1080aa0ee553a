import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { scripts } from '../package.json'
import { PAGES } from './docs/pages'
import { listImports, read, resolveImport } from './kit/house/sources'

/** What npm knows by itself. */
const NPM_COMMANDS = ['ci', 'install', 'run', 'i']

describe.each(PAGES)('%s', (page) => {
  const document = read(page)
  const prose = document.replace(/^```[\s\S]*?^```/gm, '')

  it('names files and folders that are there', () => {
    const code = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
    const paths = code.filter((text) =>
      /^(?:app|bench|docs|lib|local|scripts|tests)\/[\w./[\]()-]*$/.test(text),
    )
    expect(paths.filter((path) => !existsSync(path))).toEqual([])
  })

  it('names scripts that package.json has', () => {
    const named = [...document.matchAll(/npm (?:run )?([a-z][\w:]*)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !(script in scripts) && !NPM_COMMANDS.includes(script))).toEqual([])
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
    /type (?:FullReadReason|Unreadable) =([\s\S]*?)\n\n/.exec(read(file)),
  )
  const reasons = unions
    .flatMap((union) => [...(union?.[1] ?? '').matchAll(/'([a-z-]+)'/g)])
    .map(([, why]) => why)
  expect(reasons.length).toBeGreaterThan(10)
  expect(reasons.filter((why) => !read('docs/airtable.md').includes(`\`${why}\``))).toEqual([])
})
