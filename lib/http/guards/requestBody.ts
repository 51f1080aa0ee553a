import { readBoundedBody } from '../../shared/boundedBody'
import { processPorts } from '../../shared/ports'

/** In ms. */
export const BODY_MS = 5_000

/**
 * Resolves with undefined for a body that is too long, broken off or late. A route cancels the `rest`. The proxy must
 * leave it: Next throws an uncaught error when it adds to a cancelled copy of the body.
 */
export async function readRequestBody(
  request: Request,
  maxBytes: number,
  rest: 'cancel' | 'leave',
): Promise<Uint8Array | undefined> {
  const { clock } = processPorts()
  try {
    const { bytes, end } = await readBoundedBody(request.body, { maxBytes, maxMs: BODY_MS, clock, rest })
    return end === 'complete' ? bytes : undefined
  } catch {
    return undefined
  }
}
