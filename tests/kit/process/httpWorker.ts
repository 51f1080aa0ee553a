/**
 * A server process for tests: the shipped services and routes behind node:http, with one field. Started by `startSite` in
 * sites.ts; its environment says where Redis and the source are.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { defineFields } from '@/lib/core-services/cache/fields/fieldConfig'
import { countEvent } from '@/lib/core-services/metrics/metricsService'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { answerByName, answerRead } from '@/lib/http/routes/fieldRoutes'
import { answerCacheHealth, answerHealth } from '@/lib/http/routes/healthRoute'
import { answerMetrics } from '@/lib/http/routes/metricsRoute'
import { systemClock } from '@/lib/shared/clock'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'

let passedMs = 0
let deferred: (() => Promise<void>)[] = []

setProcessState('ports', {
  ...processPorts(),
  clock: {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  },
  emit: countEvent,
  defer: (work: () => Promise<void>) => {
    deferred.push(work)
  },
})

const fields = defineFields([
  {
    name: 'watched',
    key: 'watched',
    ttl: 3_600,
    memoryTtl: 0,
    access: 'public',
    refreshEvery: 60,
    fetcher: async ({ signal }) => (await fetch(`${process.env.SOURCE_URL}?key=watched`, { signal })).text(),
  },
])

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/api/metrics') return answerMetrics(request)
  if (pathname === '/api/health') return answerHealth(request, fields)
  if (pathname === '/api/health/cache') return answerCacheHealth(request, fields)
  if (pathname === '/pass') {
    passedMs += Number(searchParams.get('seconds')) * 1000
    return new Response()
  }
  return answerByName(request, pathname.split('/').at(-1) ?? '', answerRead)
}

function requestOf({ url = '/', method = 'GET', headers }: IncomingMessage): Request {
  const authorization = headers.authorization
  return new Request(new URL(url, 'http://site.test'), {
    method,
    ...(authorization ? { headers: { authorization } } : {}),
  })
}

const server = createServer(async (incoming, outgoing) => {
  const response = await answer(requestOf(incoming))
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(await response.text(), () => {
    const work = deferred
    deferred = []
    void Promise.all(work.map((run) => run()))
  })
})

process.on('disconnect', () => process.exit())
await initCoreServices(['cache'])
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
