/**
 * A cold server process for tests: the shipped services, fields and request budget, as an app would start them. On any
 * message it reads all its fields at once, one page of Airtable each, and tells what became of them.
 */
import { createSharedBudget } from '@/lib/core-services/airtable/sharedBudget'
import { codedError, codeOf } from '@/lib/core-services/cache/engine/errors'
import type { FieldCacheConfig } from '@/lib/core-services/cache/engine/fieldConfig'
import { processPorts } from '@/lib/core-services/cache/engine/ports'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { initCoreServices } from '@/lib/core-services/serviceLoader'

const { AIRTABLE_PAGE = '', AIRTABLE_API_KEY = '', READ_FIELDS = '0' } = process.env
const BASE = 'appTest'
const budget = createSharedBudget(10_000, processPorts())

const field = (number: number): FieldCacheConfig<number> => ({
  name: `people-${number}`,
  key: `people:${number}`,
  ttl: 600,
  staleIfError: 600,
  async fetcher({ signal, reason }) {
    const turn = await budget.take(BASE, { background: reason === 'stale' || reason === 'cron', signal })
    if (!turn.granted) {
      const { seconds } = turn.coolDown
      throw codedError('AIRTABLE_RATE_LIMITED', 'Airtable is left alone', { retryAfter: seconds })
    }
    const response = await fetch(AIRTABLE_PAGE, {
      headers: { authorization: `Bearer ${AIRTABLE_API_KEY}` },
      signal,
    })
    const body = await response.text()
    turn.settle(
      response.status === 429
        ? { kind: 'refused', why: 'rate-limit' }
        : { kind: 'answered', works: response.ok },
    )
    if (!response.ok) throw codedError('AIRTABLE_RATE_LIMITED', `Airtable answered ${response.status}`)
    return (JSON.parse(body) as { records: unknown[] }).records.length
  },
})

/** The number of records of each field, or the code of its error. */
async function readAll(): Promise<(number | string)[]> {
  const reads = Array.from({ length: Number(READ_FIELDS) }, (_, number) =>
    readFieldCache(field(number)).then(({ data }) => data, codeOf),
  )
  return Promise.all(reads)
}

process.on('message', async () => process.send?.(await readAll()))
process.on('disconnect', () => process.exit())
await initCoreServices(['cache'])
process.send?.('ready')
