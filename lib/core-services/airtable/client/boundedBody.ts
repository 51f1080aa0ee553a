/** Reads the body of an answer as text, and no more of it than is wanted. */

export interface BoundedText {
  text: string
  /** False when there was more. */
  whole: boolean
}

/**
 * Reads at most about so many bytes, and for so many ms if they are given; what is left is given up, which closes the
 * connection. When the signal is aborted the body is given up as well, also under a wrapped fetch whose signal does not
 * reach it. A body that is given up while it is waited for counts as whole.
 */
export async function readBounded(
  response: Response,
  maxBytes: number,
  signal: AbortSignal,
  maxMs?: number,
): Promise<BoundedText> {
  if (!response.body) return { text: '', whole: true }
  const reader = response.body.getReader()
  const giveUp = () => void reader.cancel().catch(() => undefined)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  const timer = maxMs === undefined ? undefined : setTimeout(giveUp, maxMs)
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return { text: text + decoder.decode(), whole: true }
      bytes += value.byteLength
      text += decoder.decode(value, { stream: true })
      if (bytes > maxBytes) {
        giveUp()
        return { text, whole: false }
      }
    }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
  }
}
