import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import vercel from '../vercel.json'

const read = (path: string) => readFileSync(path, 'utf8')
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('.next/'))
    .map((name) => join(folder, name))

describe('vercel.json', () => {
  it.each(vercel.crons)(
    '$path is a route that answers GET, on a schedule that the Hobby plan takes',
    ({ path, schedule }) => {
      expect(read(`app${path}/route.ts`)).toMatch(/export (const|async function) GET\b/)
      const [minute, hour, ...days] = schedule.split(' ')
      expect([minute, hour].join(' ')).toMatch(/^\d+ \d+$/)
      expect(days).toHaveLength(3)
    },
  )

  it('gives the cron the time that it plans with', () => {
    expect(read('app/api/cron/refresh/route.ts')).toMatch(/export const maxDuration = \d+\n/)
  })
})

describe('.env.example', () => {
  const example = read('.env.example')
  const described = new Set([...example.matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name))

  it('describes every variable that the code reads, and no other', () => {
    const settings = filesIn('lib').filter((file) => /(^lib\/config\/|Config\.ts$|\/env\.ts$)/.test(file))
    const readers = [...settings, ...filesIn('local'), 'next.config.mjs']
    const name =
      /['.]((?:UPSTASH_REDIS|KV_REST_API|AIRTABLE|CACHE|LOCAL|APP)_[A-Z_]+|STANDALONE|ADMIN_TOKEN|CRON_SECRET|METRICS_TOKEN|CRON_MAX_SILENCE_HOURS|LOG_LEVEL|PORT|REDIS_URL)\b/g
    const used = new Set(
      readers.flatMap((file) => [...read(file).matchAll(name)].map(([, variable]) => variable)),
    )
    expect([...used].filter((variable) => !described.has(variable))).toEqual([])
    expect([...described].filter((variable) => !used.has(variable))).toEqual([])
  })
})

describe('the house', () => {
  const imports = (file: string) =>
    [...read(file).matchAll(/\b(?:from|import)[\s(]*['"]([^'"]+)['"]/g)].map(([, name]) => name ?? '')

  it('keeps the engine to itself: it imports its own files and two libraries, and Node only to compress', () => {
    const allowed = /^(\.\.?\/|@upstash\/redis$|lru-cache$)/
    for (const part of ['redis', 'entry', 'coordination', 'fields/store', 'fields/memory']) {
      for (const file of filesIn(`lib/core-services/cache/${part}`)) {
        const ofNode = file.endsWith('/compression.ts') ? ['node:util', 'node:zlib'] : []
        const foreign = imports(file).filter((name) => !allowed.test(name) && !ofNode.includes(name))
        expect({ file, foreign }).toEqual({ file, foreign: [] })
      }
    }
  })

  it('imports Next in two places of lib only', () => {
    const importers = filesIn('lib').filter((file) => imports(file).some((name) => /^next(\/|$)/.test(name)))
    expect(importers.filter((file) => !/^lib\/(next|pages)\//.test(file))).toEqual([])
  })

  it('answers every request with its id: each route handler is withRequestId', () => {
    for (const file of filesIn('app').filter((name) => name.endsWith('/route.ts'))) {
      const handlers = [
        ...read(file).matchAll(/^export .*\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b.*$/gm),
      ]
      const plain = handlers
        .map(([line]) => line)
        .filter((line) => !/ = withRequestId\(/.test(line) && !/^export \{.*\} from/.test(line))
      expect({ file, handlers: handlers.length > 0, plain }).toEqual({ file, handlers: true, plain: [] })
    }
  })

  it('has no file over 350 lines', () => {
    const long = ['app', 'bench', 'lib', 'local', 'tests']
      .flatMap(filesIn)
      .filter((file) => read(file).split('\n').length > 351)
    expect(long).toEqual([])
  })
})

describe('docs/freshness.md', () => {
  it('follows a read through 12 functions at most, each of which exists', () => {
    const section =
      read('docs/freshness.md')
        .split(/^## /m)
        .find((part) => part.startsWith('A read,')) ?? ''
    const [, diagram = ''] = section.split('```')
    const named = new Set(diagram.match(/\b(?!memoryTtl|staleIfError)[a-z]+(?:[A-Z][a-z]+)+\b/g))
    const sources = filesIn('lib/core-services/cache').map(read).join('\n')
    expect(named.size).toBeGreaterThan(5)
    expect(named.size).toBeLessThanOrEqual(12)
    expect([...named].filter((name) => !new RegExp(`function ${name}\\b`).test(sources))).toEqual([])
  })
})
