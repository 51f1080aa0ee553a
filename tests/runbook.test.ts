import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CacheService } from '@/lib/core-services/cache/cacheService'

const read = (path: string) => readFileSync(path, 'utf8')
const sourcesIn = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => read(join(folder, name)))
    .join('\n')
const allIn = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, found]) => found ?? '')),
]

const document = read('docs/operations.md')
const inCode = allIn(document, /`([^`\n]+)`/g)
const lib = sourcesIn('lib')

/** Each type of event with its level. */
const levels = new Map(
  [...read('lib/observability/eventLog.ts').matchAll(/'([a-z]+\.[a-z-]+)': '(debug|info|warn|error)'/g)].map(
    ([, type = '', level = '']) => [type, level],
  ),
)
/** As monitoring sees them. */
const metrics = allIn(sourcesIn('lib/core-services/metrics/table'), /\bname: '((?:field_)?cache_[a-z_]+)'/g)

describe('docs/operations.md', () => {
  it('tells what every metric means, and of no other', () => {
    const named = new Set(inCode.flatMap((code) => allIn(code, /^((?:field_)?cache_[a-z_]+)/g)))
    expect(metrics.length).toBeGreaterThan(30)
    expect(metrics.filter((name) => !named.has(name))).toEqual([])
    expect([...named].filter((name) => !metrics.includes(name))).toEqual([])
  })

  it('tells what to do about every event that is a warning or an error, and of no other event', () => {
    const groups = new Set([...levels.keys()].map((type) => type.split('.')[0]))
    const named = inCode.filter((code) => /^[a-z]+\.[a-z-]+$/.test(code) && groups.has(code.split('.')[0]))
    const loud = [...levels]
      .filter(([, level]) => level === 'warn' || level === 'error')
      .map(([type]) => type)
    expect(loud.length).toBeGreaterThan(8)
    expect(loud.filter((type) => !named.includes(type))).toEqual([])
    expect(named.filter((type) => !levels.has(type))).toEqual([])
  })

  it('names codes, variables and methods that exist', () => {
    const known = lib + read('.env.example') + read('next.config.mjs')
    const codes = inCode.flatMap((code) => allIn(code, /\b([A-Z]{3,}_[A-Z_]+[A-Z])\b/g))
    expect(codes.length).toBeGreaterThan(20)
    expect(codes.filter((code) => !known.includes(code))).toEqual([])
    const methods = inCode.flatMap((code) => allIn(code, /\bcache\.([a-zA-Z]+)\(/g))
    expect(methods.length).toBeGreaterThan(1)
    expect(methods.filter((name) => !(name in CacheService.prototype))).toEqual([])
  })

  it('quotes the page of the admin as it is', () => {
    const page = sourcesIn('lib/admin') + sourcesIn('app/admin')
    const quoted = allIn(document, /"([^"\n]+)" at `\/admin`/g)
    expect(quoted.length).toBeGreaterThan(6)
    expect(quoted.filter((words) => !page.includes(words))).toEqual([])
  })

  it('names parts of health that it has, and files that are there', () => {
    const [, parts = ''] = /In `\/api\/health`: (.*)/.exec(document) ?? []
    const health =
      read('lib/http/routes/healthParts.ts') +
      read('lib/http/routes/healthRoute.ts') +
      read('lib/admin/cronHealth.ts')
    const names = allIn(parts, /`([a-zA-Z]+)`/g)
    expect(names.length).toBeGreaterThan(4)
    expect(names.filter((name) => !new RegExp(`\\b${name}\\??:`).test(health))).toEqual([])
    const files = inCode.filter((code) => /^(?:app|lib|tests|docs)\/[\w./-]+\.tsx?$/.test(code))
    expect(files.filter((file) => read(file) === '')).toEqual([])
  })

  it('has what its links lead to', () => {
    const targets = allIn(document, /\]\(#([a-z-]+)\)/g)
    const titles = allIn(document, /^#+ (.+)$/gm).map((title) => title.toLowerCase().replaceAll(' ', '-'))
    expect(targets.filter((target) => !titles.includes(target))).toEqual([])
  })
})
