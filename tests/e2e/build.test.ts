import { expect, it } from 'vitest'
import { startBackends } from './support/backends'
import { runNext } from './support/nextProcess'

/** The build of the app itself is checked by the global set-up: its page waits for a request, this one does not. */
it('a build of a page that reads a field outright gets neither to Redis nor to the source', async () => {
  const backends = await startBackends()
  const { code, output } = await runNext(['build', 'tests/e2e/probe'], backends.env)
  if (process.env.CACHE_COMPONENTS === 'true') {
    expect(output).toContain('outside of `<Suspense>`')
    expect(code).toBe(1)
  } else {
    expect(output).toMatch(/ƒ \/\s/)
    expect(code).toBe(0)
  }
  expect([backends.redis.upstash.counters.requests, backends.airtable.counters.requests]).toEqual([0, 0])
  await backends.stop()
})
