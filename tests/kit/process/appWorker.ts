/**
 * The app as a server process for tests: its own fields, services and routes behind node:http, without Next. Started by
 * `startSite` in sites.ts; its environment says where Redis and Airtable are.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { invalidateField } from '@/lib/core-services/cache/invalidate'
import { initCoreServices } from '@/lib/core-services/serviceLoader'
import { answerOverview } from '@/lib/http/routes/adminRoute'
import { answerByName, answerRead, answerRefresh } from '@/lib/http/routes/fieldRoutes'
import { answerHealth } from '@/lib/http/routes/healthRoute'
import { systemClock } from '@/lib/shared/clock'
import { getErrorCode } from '@/lib/shared/errors'
import { processPorts } from '@/lib/shared/ports'
import { setProcessState } from '@/lib/shared/processState'

let passedMs = 0
const pending = new Set<Promise<void>>()

setProcessState('ports', {
  ...processPorts(),
  clock: {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  },
  defer: (work: () => Promise<void>) => {
    const running = work().finally(() => pending.delete(running))
    pending.add(running)
  },
})

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/api/health') return answerHealth(request, fields)
  if (pathname === '/api/admin/overview') return answerOverview(request, fields)
  if (pathname === '/pass') {
    passedMs += Number(searchParams.get('seconds')) * 1000
    return new Response()
  }
  if (pathname.startsWith('/refresh/'))
    return answerByName(request, pathname.split('/').at(-1) ?? '', answerRefresh)
  if (pathname.startsWith('/invalidate/')) {
    const key = pathname.split('/').at(-1) ?? ''
    return new Response(await invalidateField({ key }).then(() => 'done', getErrorCode))
  }
  return answerByName(request, pathname.split('/').at(-1) ?? '', answerRead)
}

function requestOf({ url = '/', headers }: IncomingMessage): Request {
  const authorization = headers.authorization
  return new Request(new URL(url, 'http://site.test'), {
    method: url.startsWith('/refresh/') ? 'POST' : 'GET',
    ...(authorization ? { headers: { authorization } } : {}),
  })
}

const server = createServer(async (incoming, outgoing) => {
  const response = await answer(requestOf(incoming))
  const text = await response.text()
  await Promise.all(pending)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(text)
})

process.on('disconnect', () => process.exit())
await initCoreServices(['cache', 'airtable'])
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
