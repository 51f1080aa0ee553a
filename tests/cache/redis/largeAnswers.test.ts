import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createTestCache } from '@/lib/testing/testCache'

const TEXT = JSON.stringify({ result: JSON.stringify('x'.repeat(2_000_000)) })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** An answer with headers that have arrived, and bytes that arrive when `send` is called. */
function startedAnswer(withLength: boolean): { response: Response; send(): void } {
  let send = () => {}
  const body = new ReadableStream({
    start(stream) {
      send = () => {
        stream.enqueue(new TextEncoder().encode(TEXT))
        stream.close()
      }
    },
  })
  const headers = withLength ? { 'content-length': String(TEXT.length) } : {}
  return { response: new Response(body, { headers }), send }
}

it.each([
  ['gets as much more time as it takes at 1 kB a ms when its headers tell its length', true, 2_000_000],
  ['gets no more time when its headers do not tell its length', false, null],
])('an answer of 2 MB %s', async (_, withLength, length) => {
  const answer = startedAnswer(withLength)
  let begun = () => {}
  const requested = new Promise<void>((resolve) => {
    begun = resolve
  })
  let isLarge = false
  const upstash = await createTestCache()
  const started = await upstash.another({
    cache: { commandHardTimeoutMs: 60 },
    ports: {
      async fetch(url, init) {
        if (!isLarge) return upstash.runtime.ports.fetch(url, init)
        begun()
        return answer.response
      },
    },
  })
  isLarge = true
  const reading = started.cache.get<string>('a')
  await requested
  // Past the deadline of 60 ms, within that of a large answer.
  await vi.advanceTimersByTimeAsync(200)
  answer.send()
  const value = await reading
  expect(value?.length ?? null).toBe(length)
})
