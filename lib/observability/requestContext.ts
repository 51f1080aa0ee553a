/** Keeps the id of the current request through everything it awaits. The cache itself does not know requests. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { processPorts } from '../shared/ports'
import { processState } from '../shared/processState'

/** Headers with the id of a request. Vercel's comes first: clients cannot set it there. */
const HEADERS = ['x-vercel-id', 'x-request-id'] as const
/** Safe in logs, headers and URLs: a client cannot inject lines or markup with it. */
const SANE = /^[\w.:-]{1,128}$/

export function resolveRequestId(header: (name: string) => string | null): string {
  for (const name of HEADERS) {
    const given = header(name)
    if (given !== null && SANE.test(given)) return given
  }
  return processPorts().uniqueToken()
}

export function runInRequest<T>(id: string, work: () => T): T {
  return storage().run(id, work)
}

/** Undefined outside requests. */
export function currentRequestId(): string | undefined {
  return storage().getStore()
}

function storage(): AsyncLocalStorage<string> {
  return processState('request', () => new AsyncLocalStorage<string>())
}
