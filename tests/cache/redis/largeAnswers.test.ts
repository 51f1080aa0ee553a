import { expect, it } from 'vitest'
import { createTestCache } from '@/lib/testing/testCache'

/** A text whose bytes come 200 ms after its head, which tells how many they are or does not. */
function late(text: string, told: boolean): Response {
  const body = new ReadableStream({
    async start(stream) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      stream.enqueue(new TextEncoder().encode(text))
      stream.close()
    },
  })
  return new Response(body, told ? { headers: { 'content-length': String(text.length) } } : {})
}

it.each([
  [true, 2_000_000],
  [false, null],
])(
  'an answer of 2 MB has as much more time as it takes at 1 kB a ms if its head says so (%s)',
  async (told, length) => {
    let large = false
    const upstash = await createTestCache()
    const started = await upstash.another({
      cache: { commandHardTimeoutMs: 60 },
      ports: {
        fetch: async (url, init) =>
          large
            ? late(JSON.stringify({ result: JSON.stringify('x'.repeat(2_000_000)) }), told)
            : upstash.runtime.ports.fetch(url, init),
      },
    })
    large = true
    const value = await started.cache.get<string>('a')
    expect(value?.length ?? null).toBe(length)
  },
)
