import { type Clock, systemClock } from './clock'

export interface BodyLimits {
  /** Bytes. Reading ends with the chunk that exceeds them. */
  maxBytes: number
  /**
   * How long the body may take to arrive, in ms.
   * @default no limit
   */
  maxMs?: number
  /**
   * Measures `maxMs`.
   * @default the clock of the system
   */
  clock?: Pick<Clock, 'sleep'>
  /** Aborting it stops the reading, also when a wrapped fetch does not pass its signal on to the body. */
  signal?: AbortSignal
  /**
   * What happens to bytes that are not read. `cancel` closes the connection. `leave` does not touch the stream: its owner
   * still uses it.
   * @default 'cancel'
   */
  rest?: 'cancel' | 'leave'
}

export interface BoundedBody {
  /** What was read. With `too-long` it includes the chunk that exceeded the limit. */
  bytes: Uint8Array
  /** `complete`: the body ended. `too-long`: it has more bytes. `stopped`: the time was over, or the signal aborted. */
  end: 'complete' | 'too-long' | 'stopped'
}

export async function readBoundedBody(
  body: ReadableStream<Uint8Array> | null,
  { maxBytes, maxMs, clock = systemClock, signal, rest = 'cancel' }: BodyLimits,
): Promise<BoundedBody> {
  if (!body) return { bytes: new Uint8Array(), end: 'complete' }
  const reader = body.getReader()
  const cancelRest = () => {
    if (rest === 'cancel') void reader.cancel().catch(() => undefined)
  }
  const chunks: Uint8Array[] = []
  const finished = new AbortController()
  let wasStopped = false
  const stopped = new Promise<'stopped'>((resolve) => {
    const stop = () => {
      if (finished.signal.aborted) return
      wasStopped = true
      cancelRest()
      // A cancelled stream ends its pending read. One that is left alone does not.
      if (rest === 'leave') resolve('stopped')
    }
    signal?.addEventListener('abort', stop, { once: true, signal: finished.signal })
    if (signal?.aborted) stop()
    if (maxMs !== undefined) void clock.sleep(maxMs, finished.signal).then(stop)
  })
  try {
    const read = await Promise.race([readChunks(reader, maxBytes, chunks), stopped])
    if (read === 'too-long') cancelRest()
    return { bytes: Buffer.concat(chunks), end: wasStopped ? 'stopped' : read }
  } finally {
    finished.abort()
  }
}

/** As `readBoundedBody`, decoded as UTF-8. A character that the limit has cut in two is left out. */
export async function readBoundedText(
  body: ReadableStream<Uint8Array> | null,
  limits: BodyLimits,
): Promise<{ text: string; end: BoundedBody['end'] }> {
  const { bytes, end } = await readBoundedBody(body, limits)
  return { text: new TextDecoder().decode(bytes, { stream: end === 'too-long' }), end }
}

async function readChunks(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
  chunks: Uint8Array[],
): Promise<'complete' | 'too-long'> {
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return 'complete'
    chunks.push(value)
    bytes += value.byteLength
    if (bytes > maxBytes) return 'too-long'
  }
}
