import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import vercel from '../vercel.json'
import { anchorsIn, countWords, linksIn, PAGES, paragraphsIn, readPage, tableCellsIn } from './docs/pages'
import { findCrossings } from './kit/house/borders'
import { CODE_FOLDERS, findCircles, listSources, read } from './kit/house/sources'
import { BANNED, findBannedWords } from './kit/house/words'

const everySource = CODE_FOLDERS.flatMap(listSources)

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
    const settings = listSources('lib').filter((file) => /(^lib\/config\/|Config\.ts$|\/env\.ts$)/.test(file))
    const readers = [...settings, ...listSources('local'), 'next.config.mjs']
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
  it.each(['lib', 'app', 'local'])('%s imports across its borders only what the table allows', (folder) => {
    expect(findCrossings(folder)).toEqual([])
  })

  it('has no files that import each other in a circle, types included', () => {
    expect(findCircles(everySource)).toEqual([])
  })

  it('has at most 12 files in a folder', () => {
    const folders = [...new Set(everySource.map(dirname))]
    const full = folders.filter(
      (folder) => everySource.filter((file) => dirname(file) === folder).length > 12,
    )
    expect(full).toEqual([])
  })

  it('answers every request with its id: each route handler is wrapped in withRequestId', () => {
    for (const file of listSources('app').filter((name) => name.endsWith('/route.ts'))) {
      const handlers = [
        ...read(file).matchAll(/^export .*\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b.*$/gm),
      ]
      const plain = handlers
        .map(([line]) => line)
        .filter((line) => !/ = withRequestId\(/.test(line) && !/^export \{.*\} from/.test(line))
      expect({ file, handlers: handlers.length > 0, plain }).toEqual({ file, handlers: true, plain: [] })
    }
  })

  it('says in comments which process, reader or caller is meant', () => {
    const files = ['app', 'bench', 'lib', 'local'].flatMap(listSources)
    expect(files.flatMap(findBannedWords)).toEqual([])
  })

  it('has no file over 350 lines', () => {
    expect(everySource.filter((file) => read(file).split('\n').length > 351)).toEqual([])
  })
})

describe('docs', () => {
  const pages = PAGES.map(readPage)

  it('README.md has at most 150 lines and 1,600 words', () => {
    const readme = read('README.md')
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
    expect(countWords(readme)).toBeLessThanOrEqual(1_600)
  })

  it('have no paragraph over 90 words and no table cell over 40, and 40 words a paragraph on average', () => {
    for (const page of pages) {
      const long = paragraphsIn(page).filter((text) => countWords(text) > 90)
      const full = tableCellsIn(page).filter((text) => countWords(text) > 40)
      expect({ path: page.path, long, full }).toEqual({ path: page.path, long: [], full: [] })
    }
    const counts = pages.flatMap(paragraphsIn).map(countWords)
    expect(counts.reduce((sum, words) => sum + words, 0) / counts.length).toBeLessThanOrEqual(40)
  })

  it('name persons and programs, and never leave open who is meant', () => {
    const found = pages.flatMap(({ path, prose }) =>
      prose.filter((line) => BANNED.test(line)).map((line) => `${path}: ${line.slice(0, 80)}`),
    )
    expect(found).toEqual([])
  })

  it('lead with each link to a file and a heading that are there', () => {
    for (const page of pages) {
      const dead = linksIn(page).filter((target) => {
        const [file = '', anchor] = target.split('#')
        const path = file === '' ? page.path : join(dirname(page.path), file)
        if (!existsSync(path)) return true
        return anchor !== undefined && !anchorsIn(readPage(path)).has(anchor)
      })
      expect({ path: page.path, dead }).toEqual({ path: page.path, dead: [] })
    }
  })
})
