import { readBoundedBody } from '../../shared/boundedBody'
import { processPorts } from '../../shared/ports'

/** How long a body may take to arrive, in ms. */
export const BODY_MS = 5_000

/**
 * Resolves with undefined when the body has more than `maxBytes`, breaks off, or has not arrived completely within
 * BODY_MS. A route cancels the `rest`. The proxy must leave it: it holds a copy of the body, and Next throws an uncaught
 * error when it adds to a cancelled copy.
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
