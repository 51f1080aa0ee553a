import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { titleOf } from './probe'
import { PROBES, RECORDED } from './recorded'

const sources = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(`${import.meta.dirname}/${name}`, 'utf8'))
  .join('\n')

describe(`what other caches did on ${RECORDED}`, () => {
  it.each(Object.keys(PROBES))('is beside a test of ours: %s', (name) => {
    expect(sources.includes(`'${name}'`)).toBe(true)
  })

  it('is told by the title of that test', () => {
    expect(titleOf(PROBES.fetcherThrows, 'throws')).toBe(
      'the fetcher throws and nothing is cached: throws. Fails: cacheable (answers undefined). ' +
        'Passes: bentocache, cachified, cache-manager, async-cache-dedupe, ocache (throws)',
    )
  })
})
