import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createMemos } from '@/lib/core-services/cache/fields/memory/fieldMemo'

it('what is remembered of pages that depend on 200 products each takes less than the 50 MB that values may take', () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const before = process.memoryUsage().heapUsed
  const memos = createMemos()
  for (let page = 0; page < 20_000; page += 1)
    memos.of(`page:${page}`).dependencies = Array.from(
      { length: 200 },
      (_, id) => `tag:product:${page}-${id}`,
    )
  collect()
  const megabytes = (process.memoryUsage().heapUsed - before) / 1e6
  expect(memos.of('page:19999').dependencies).toHaveLength(200)
  expect(megabytes).toBeLessThan(50)
})

it('a field without guards of others leaves nothing to be forgotten', () => {
  const memos = createMemos()
  memos.of('page').dependencies = ['tag:a']
  memos.of('page').dependencies = undefined
  expect(memos.of('page').dependencies).toBeUndefined()
})
