import { processPorts } from '../../shared/ports'

/** How long a body may take to come in, in ms. */
export const BODY_MS = 5_000

/**
 * The bytes of a request's body as they came; undefined for more than `maxBytes`, when they stop coming, and when they
 * have not all come within BODY_MS. `rest`: what is done with bytes that are not wanted. A route cancels them; the proxy
 * has a bounded copy of the body, and Next throws an uncaught error when it adds to one that was cancelled.
 */
export async function readBytes(
  request: Request,
  maxBytes: number,
  rest: 'cancel' | 'leave',
): Promise<Uint8Array | undefined> {
  const reader = request.body?.getReader()
  if (!reader) return new Uint8Array()
  const read = new AbortController()
  const late = processPorts()
    .clock.sleep(BODY_MS, read.signal)
    .then(() => undefined)
  const bytes = await Promise.race([allBytes(reader, maxBytes), late])
  read.abort()
  // A reader that has come to the end has nothing to cancel.
  if (!bytes && rest === 'cancel') void reader.cancel().catch(() => undefined)
  return bytes
}

async function allBytes(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(chunks)
      bytes += value.byteLength
      if (bytes > maxBytes) return undefined
      chunks.push(value)
    }
  } catch {
    return undefined
  }
}
