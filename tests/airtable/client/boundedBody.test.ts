import { describe, expect, it } from 'vitest'
import { readBounded } from '@/lib/core-services/airtable/client/boundedBody'

/** A body of such chunks, which then stalls; no signal reaches it. */
function stallingBody(chunks: readonly Uint8Array[]) {
  const state = { cancelled: 0 }
  const rest = [...chunks]
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = rest.shift()
        if (chunk) controller.enqueue(chunk)
        return chunk ? undefined : new Promise(() => undefined)
      },
      cancel() {
        state.cancelled += 1
      },
    },
    { highWaterMark: 0 },
  )
  return { response: new Response(body), state }
}

const bytes = (text: string) => new TextEncoder().encode(text)
const never = new AbortController().signal

describe('a body that is read up to a bound', () => {
  it('comes whole when it fits, also where a character is cut in two', async () => {
    const euro = bytes('€')
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(euro.slice(0, 1))
        controller.enqueue(euro.slice(1))
        controller.close()
      },
    })
    expect(await readBounded(new Response(body), 3, never)).toEqual({ text: '€', whole: true })
    expect(await readBounded(new Response(null), 3, never)).toEqual({ text: '', whole: true })
  })

  it('is given up once it is longer', async () => {
    const { response, state } = stallingBody([bytes('abc'), bytes('d')])
    expect(await readBounded(response, 3, never)).toEqual({ text: 'abcd', whole: false })
    expect(state.cancelled).toBe(1)
  })

  it('is given up when the signal is aborted, though nothing else tells it', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    const abort = new AbortController()
    const reading = readBounded(response, 100, abort.signal)
    abort.abort()
    await reading
    expect(state.cancelled).toBe(1)
  })

  it('is given up when its time is over', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    expect(await readBounded(response, 100, never, 1)).toMatchObject({ text: 'abc' })
    expect(state.cancelled).toBe(1)
  })

  it('is given up when the signal was aborted before', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    await readBounded(response, 100, AbortSignal.abort())
    expect(state.cancelled).toBe(1)
  })
})
