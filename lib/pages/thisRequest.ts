import { headers } from 'next/headers'
import { resolveRequestId, runInRequest } from '../observability/requestContext'

/** Runs the work of a page or a Server Action. Its events carry the id of the request. */
export async function inThisRequest<T>(work: () => Promise<T>): Promise<T> {
  const sent = await headers()
  return runInRequest(
    resolveRequestId((name) => sent.get(name)),
    work,
  )
}
