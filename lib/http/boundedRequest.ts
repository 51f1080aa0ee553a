import { processPorts } from '../core-services/cache/engine/ports'

/**
 * The bytes of a request's body as they came; undefined for more than `maxBytes`, when they stop coming, and when they
 * have not all come within `patienceMs`.
 */
export async function readBytes(
  request: Request,
  maxBytes: number,
  patienceMs: number,
): Promise<Uint8Array | undefined> {
  const reader = request.body?.getReader()
  if (!reader) return new Uint8Array()
  const read = new AbortController()
  const late = processPorts()
    .clock.sleep(patienceMs, read.signal)
    .then(() => undefined)
  const bytes = await Promise.race([allBytes(reader, maxBytes), late])
  read.abort()
  // A reader that has come to the end has nothing to cancel.
  if (!bytes) void reader.cancel().catch(() => undefined)
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
