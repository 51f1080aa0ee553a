/** Which request something belongs to, known wherever it is awaited; the engine knows nothing of it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { processPorts } from '../shared/ports'
import { processState } from '../shared/processState'

/** What names a request already: Vercel's own id first, which nobody outside can set there. */
const HEADERS = ['x-vercel-id', 'x-request-id'] as const
/** What can stand in a log, a header and a URL as it is: nobody writes lines or markup of his own by it. */
const SANE = /^[\w.:-]{1,128}$/

/** The id that a request brings, or a new one. */
export function resolveRequestId(header: (name: string) => string | null): string {
  for (const name of HEADERS) {
    const given = header(name)
    if (given !== null && SANE.test(given)) return given
  }
  return processPorts().uniqueToken()
}

export function runInRequest<T>(id: string, work: () => T): T {
  return scope().run(id, work)
}

/** Undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return scope().getStore()
}

function scope(): AsyncLocalStorage<string> {
  return processState('request', () => new AsyncLocalStorage<string>())
}
