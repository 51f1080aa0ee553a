/**
 * A server process for tests: the shipped services and field code, as an app would start them, told over IPC what to
 * do. Started by `startWorkers` in workers.ts; its environment says where Redis is.
 */
import { peopleTable } from '@/lib/core-services/airtable/airtableConfig'
import { airtableValue } from '@/lib/core-services/airtable/airtableField'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { answerHealth } from '@/lib/http/routes/healthRoute'
import { systemClock } from '@/lib/shared/clock'
import { getErrorCode } from '@/lib/shared/errors'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'
import { type Answered, type Order, type Reply, WORKER_ADMIN_TOKEN, type WorkerField } from './workers'

let passedMs = 0

const config = ({ url, ...rest }: WorkerField): FieldCacheConfig<string> =>
  url === undefined
    ? airtableValue({
        ...rest,
        name: 'worker-field',
        table: { name: 'people', locate: peopleTable },
        columns: ['Name'],
        value: (records) => `${records.length} records`,
      })
    : { ...rest, name: 'worker-field', fetcher: ({ signal }) => ask(`${url}?key=${rest.key}`, signal) }

async function ask(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${url}&by=${process.pid}`, { signal })
  if (!response.ok) throw new Error(`the source answered ${response.status}`)
  return response.text()
}

async function read(field: WorkerField, force: 'never' | 'always'): Promise<Answered> {
  try {
    const { data, status } = await readFieldCache(config(field), force)
    return { data, status }
  } catch (error) {
    return { error: getErrorCode(error) }
  }
}

async function carryOut(order: Order): Promise<Answered[]> {
  switch (order.do) {
    case 'read':
      return Promise.all(Array.from({ length: order.callers }, () => read(order.field, 'never')))
    case 'force':
      return [await read(order.field, 'always')]
    case 'invalidateTags':
      await invalidateTags(order.tags)
      return []
    case 'invalidateField':
      await invalidateField(order)
      return []
    case 'pass':
      passedMs += order.seconds * 1000
      return []
    case 'health':
      return [await health()]
  }
}

async function health(): Promise<Answered> {
  const headers = { authorization: `Bearer ${WORKER_ADMIN_TOKEN}` }
  const response = await answerHealth(new Request('http://localhost/api/health', { headers }), [])
  return { data: await response.text(), status: String(response.status) }
}

function reply(message: Reply): void {
  process.send?.(message)
}

process.on('message', async ({ id, order }: { id: number; order: Order }) => {
  try {
    reply({ id, answers: await carryOut(order) })
  } catch (error) {
    reply({ id, failure: `${getErrorCode(error)}: ${String(error)}` })
  }
})
process.on('disconnect', () => process.exit())

setProcessState('ports', {
  ...processPorts(),
  clock: {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  },
})
await initCoreServices(['cache'])
reply({ id: 0, answers: [] })
