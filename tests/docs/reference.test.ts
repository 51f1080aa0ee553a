/** docs/reference.md lists what the code has: nothing is missing, and nothing is listed that does not exist. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CacheService } from '@/lib/core-services/cache/cacheService'
import { RedisCommands } from '@/lib/core-services/cache/redis/commands/commands'
import { problemResponse } from '@/lib/http/problem'
import { codedError } from '@/lib/shared/errors'
import { readPage } from './pages'

const sourcesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
const sources = sourcesIn('lib')

/** The rows of the tables below a heading, as cells, without those at the head of a table. */
function rowsBelow(heading: string): string[][] {
  const [, part = ''] = readPage('docs/reference.md').prose.join('\n').split(`\n## ${heading}\n`)
  const [section = ''] = part.split('\n## ')
  const lines = section.split('\n')
  const rows = lines.filter((line, index) => line.startsWith('| ') && !lines[index + 1]?.startsWith('|---'))
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
}
const codeIn = (text = '') => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
const namesBelow = (heading: string) => rowsBelow(heading).flatMap(([first]) => codeIn(first))

/** The members of an exported interface, wherever it is. */
function membersOf(name: string): string[] {
  const start = new RegExp(`export interface ${name}\\b[^{]*\\{\\n`)
  const source = sources.find((text) => start.test(text)) ?? ''
  const [body = ''] = (source.split(start)[1] ?? '').split('\n}')
  return [...body.matchAll(/^ {2}(\w+)\??[(:<]/gm)].map(([, member = '']) => member)
}

describe('docs/reference.md lists', () => {
  it.each([
    ['Options of a field', ['FieldCacheConfig', 'AdvancedOptions']],
    ['Cache-aside', ['CacheAsideOptions']],
    ['What a fetcher gets', ['FetchContext']],
  ])('each of the %s', (heading, interfaces) => {
    const members = interfaces.flatMap(membersOf)
    expect(members.length).toBeGreaterThan(4)
    const listed = namesBelow(heading).map((name) => name.replace(/\(.*/, ''))
    expect(listed.sort()).toEqual(members.sort())
  })

  it('each command of the cache service', () => {
    const members = [CacheService.prototype, RedisCommands.prototype].flatMap((prototype) =>
      Object.entries(Object.getOwnPropertyDescriptors(prototype)),
    )
    const methods = members.filter(([, { value }]) => typeof value === 'function').map(([name]) => name)
    const forTheAppItself = ['constructor', 'initialize', 'delete', 'checkWrites', 'probeWrites']
    const listed = namesBelow('Commands of the cache service').filter((name) => name !== 'lock.*')
    expect(listed.sort()).toEqual(methods.filter((name) => !forTheAppItself.includes(name)).sort())
  })

  it('each route of the app, by its path', () => {
    const routes = readdirSync('app', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('/route.ts') && !name.includes('[[...'))
      .map((name) => `/${name.replace('/route.ts', '').replace(/\[(\w+)\]/g, '{$1}')}`)
    const listed = namesBelow('Endpoints').flatMap((name) => /^[A-Z]+ (\/\S+)$/.exec(name)?.[1] ?? [])
    expect([...new Set(listed)].sort()).toEqual(routes.sort())
  })

  it('each error code', () => {
    const text = sources.join('\n')
    const thrown = new Set([...text.matchAll(/\bcodedError\(\s*'([A-Z_]+)'/g)].map(([, code = '']) => code))
    const listed = namesBelow('Error codes').filter((name) => !name.includes('…') && name !== 'INTERNAL')
    expect([...thrown].filter((code) => !listed.includes(code)).sort()).toEqual([])
    expect(listed.filter((code) => !thrown.has(code))).toEqual([])
  })

  it('the status with which each error is answered', async () => {
    const request = new Request('http://app.test/')
    const rows = rowsBelow('Error codes').filter(([, status = '']) => /^\d+$/.test(status))
    expect(rows.length).toBeGreaterThan(10)
    for (const [codes, status] of rows) {
      for (const code of codeIn(codes).map((name) => name.replace('…', 'FULL'))) {
        const response = problemResponse(request, codedError(code, 'it failed'), {
          label: 'x',
          trusted: false,
        })
        expect({ code, status: String(response.status) }).toEqual({ code, status })
      }
    }
  })

  it('each environment variable, as .env.example does', () => {
    const example = readFileSync('.env.example', 'utf8')
    const described = [...example.matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)].map(([, name = '']) => name)
    expect(namesBelow('Environment variables').sort()).toEqual(described.sort())
    const defaults = new Map(
      rowsBelow('Environment variables').flatMap(([names, values = '']) =>
        codeIn(names).map((name, index) => [name, values.split(', ')[index]?.replaceAll('`', '')]),
      ),
    )
    const numbers = [...example.matchAll(/^# ([A-Z_]+)=(\d+)$/gm)]
    expect(numbers.length).toBeGreaterThan(15)
    for (const [, name = '', value] of numbers) expect([name, defaults.get(name)]).toEqual([name, value])
  })
})
