import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createHints } from '@/lib/core-services/cache/fields/memory/fieldHints'

it('what is remembered of pages that depend on 200 products each takes less than the 50 MB that values may take', () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  const hints = createHints()
  for (let page = 0; page < 20_000; page += 1)
    hints.get(`page:${page}`).dependencies = Array.from(
      { length: 200 },
      (_, id) => `tag:product:${page}-${id}`,
    )
  collect()
  const megabytes = (process.memoryUsage().heapUsed - before) / 1e6
  expect(hints.get('page:19999').dependencies).toHaveLength(200)
  expect(megabytes).toBeLessThan(50)
})

it('a field without guards of others leaves nothing to be forgotten', () => {
  const hints = createHints()
  hints.get('page').dependencies = ['tag:a']
  hints.get('page').dependencies = undefined
  expect(hints.get('page').dependencies).toBeUndefined()
})
