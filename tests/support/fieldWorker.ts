/**
 * A server process for tests: the shipped services and field code, as an app would start them, told over IPC what to
 * do. Started by `startWorkers` in workers.ts; its environment says where Redis is.
 */
import { codeOf } from '@/lib/core-services/cache/engine/errors'
import { processPorts, systemClock } from '@/lib/core-services/cache/engine/ports'
import { setProcessState } from '@/lib/core-services/cache/engine/processState'
import { readFieldCache } from '@/lib/core-services/cache/fieldCacheService'
import { invalidateField, invalidateTags } from '@/lib/core-services/cache/invalidate'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import type { Answered, Order, Reply, WorkerField } from './workers'

let passedMs = 0

const config = ({ url, ...rest }: WorkerField) => ({
  ...rest,
  name: 'worker-field',
  fetcher: async ({ signal }: { signal: AbortSignal }): Promise<string> => {
    const response = await fetch(`${url}?key=${rest.key}&by=${process.pid}`, { signal })
    if (!response.ok) throw new Error(`the source answered ${response.status}`)
    return response.text()
  },
})

async function read(field: WorkerField, force: 'never' | 'always'): Promise<Answered> {
  try {
    const { data, status } = await readFieldCache(config(field), force)
    return { data, status }
  } catch (error) {
    return { error: codeOf(error) }
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
  }
}

function reply(message: Reply): void {
  process.send?.(message)
}

process.on('message', async ({ id, order }: { id: number; order: Order }) => {
  try {
    reply({ id, answers: await carryOut(order) })
  } catch (error) {
    reply({ id, failure: `${codeOf(error)}: ${String(error)}` })
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
