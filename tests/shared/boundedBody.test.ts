import { describe, expect, it } from 'vitest'
import { readBoundedBody, readBoundedText } from '@/lib/shared/boundedBody'
import { alarmClock } from '@/lib/testing/clock'

/** A body of these chunks that then stalls. No signal reaches it. */
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

describe('reading a body up to a limit', () => {
  it('a bounded read returns the whole text when it fits, also when chunks cut a character in two', async () => {
    const euro = bytes('€')
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(euro.slice(0, 1))
        controller.enqueue(euro.slice(1))
        controller.close()
      },
    })
    expect(await readBoundedText(body, { maxBytes: 3 })).toEqual({ text: '€', end: 'complete' })
    expect(await readBoundedText(null, { maxBytes: 3 })).toEqual({ text: '', end: 'complete' })
  })

  it('a bounded read cancels a body that is longer than the limit', async () => {
    const { response, state } = stallingBody([bytes('abc'), bytes('d')])
    expect(await readBoundedText(response.body, { maxBytes: 3 })).toEqual({ text: 'abcd', end: 'too-long' })
    expect(state.cancelled).toBe(1)
  })

  it('a bounded read cancels the body when the signal is aborted, though nothing else stops the stream', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    const abort = new AbortController()
    const reading = readBoundedText(response.body, { maxBytes: 100, signal: abort.signal })
    abort.abort()
    await reading
    expect(state.cancelled).toBe(1)
  })

  it('a bounded read cancels a body that takes too long', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    expect(await readBoundedText(response.body, { maxBytes: 100, maxMs: 1 })).toEqual({
      text: 'abc',
      end: 'stopped',
    })
    expect(state.cancelled).toBe(1)
  })

  it('a bounded read cancels the body when the signal was aborted before', async () => {
    const { response, state } = stallingBody([bytes('abc')])
    await readBoundedText(response.body, { maxBytes: 100, signal: AbortSignal.abort() })
    expect(state.cancelled).toBe(1)
  })

  it('a bounded text leaves out the character that the limit has cut in two', async () => {
    const euro = bytes('€')
    const { response } = stallingBody([bytes('abc'), euro.slice(0, 1), euro.slice(1)])
    expect(await readBoundedText(response.body, { maxBytes: 3 })).toEqual({ text: 'abc', end: 'too-long' })
  })

  it.each([
    ['is too long', { maxBytes: 2 }, 'too-long'],
    ['takes too long', { maxBytes: 100, maxMs: 1 }, 'stopped'],
  ])('a bounded read leaves the rest of a body that %s to its owner', async (_, limits, end) => {
    const { response, state } = stallingBody([bytes('abc')])
    const read = await readBoundedBody(response.body, { ...limits, rest: 'leave' })
    expect(read).toEqual({ bytes: Buffer.from('abc'), end })
    expect(state.cancelled).toBe(0)
  })

  it('a bounded read measures the time by the given clock', async () => {
    const clock = alarmClock()
    const { response } = stallingBody([])
    const reading = readBoundedBody(response.body, { maxBytes: 1, maxMs: 5_000, clock })
    clock.advance(4_999)
    expect(clock.sleepers).toBe(1)
    clock.advance(1)
    expect((await reading).end).toBe('stopped')
  })

  it('a bounded read rejects with the error of a body that breaks off', async () => {
    const body = new ReadableStream<Uint8Array>({ start: (stream) => stream.error(new Error('reset')) })
    await expect(readBoundedBody(body, { maxBytes: 1 })).rejects.toThrow('reset')
  })
})
