import { headers } from 'next/headers'
import { resolveRequestId, runInRequest } from '../observability/requestContext'

/** Puts the id of the request on the events of `work`. */
export async function inThisRequest<T>(work: () => Promise<T>): Promise<T> {
  const sent = await headers()
  return runInRequest(
    resolveRequestId((name) => sent.get(name)),
    work,
  )
}
