import { headers } from 'next/headers'
import { inRequest, requestIdOf } from '../observability/requestContext'

/** Runs the work of a page or a Server Action. Its events carry the id of the request. */
export async function inThisRequest<T>(work: () => Promise<T>): Promise<T> {
  const sent = await headers()
  return inRequest(
    requestIdOf((name) => sent.get(name)),
    work,
  )
}
