import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isUnfinished, type UnfinishedError } from '@/lib/core-services/cache/errors'
import type { FetchContext } from '@/lib/core-services/cache/fields/fieldConfig'
import { firstVisible, truncateText } from '@/lib/shared/text'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'

const HALF = /\p{Surrogate}/u

it('a truncated text ends with a whole character, and is as long as allowed', () => {
  const unit = fc.oneof(
    fc.constantFrom('a', '😀', '𝒜', '\ud83d', '\ude00'),
    fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  )
  fc.assert(
    fc.property(fc.string({ unit }), fc.nat(12), (text, most) => {
      const beginning = truncateText(text, most)
      expect(HALF.test(beginning)).toBe(false)
      const cut = text.slice(0, most)
      const dropped = cut.length - beginning.length
      expect(dropped === 0 || (dropped === 1 && cut.length < text.length)).toBe(true)
      if (!HALF.test(text)) expect(text.startsWith(beginning)).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})

it('messages and progress of a source hold no half of a character', async () => {
  const test = await createTestCache()
  const long = `${'x'.repeat(199)}${'😀'.repeat(400)} \ud83d`
  const failing = field(async (): Promise<string> => Promise.reject(new Error(long)))
  const failed = await test.read(failing).catch((reason: unknown) => reason)
  const message = failed instanceof Error ? failed.message : ''
  expect(message).toMatch(/😀…$/u)
  expect(HALF.test(message)).toBe(false)

  const paused = field(({ pause }: FetchContext) => pause('{}', long), { key: 'paused' })
  const error = await test.read(paused).catch((reason: unknown) => reason)
  expect(isUnfinished(error) && (error as UnfinishedError).done).toBe('x'.repeat(199))
})

it.each([
  ['Ana', 'A'],
  ['  \u200b\ufeffAna', 'A'],
  ['\u202e\u2068Ana', 'A'],
  ['👩‍💻 Ada', '👩'],
  ['ñandú', 'ñ'],
  ['(Ana)', '('],
  ['', ''],
  [' \t\n\u00a0\u3000', ''],
  ['\u200b\u200c\u200d\u2060\ufeff\u00ad', ''],
  ['\u3164\u115f\uffa0\u2800', ''],
  ['\u0000\u001f\u007f', ''],
  ['\u{e0001}\u{e0041}\ufe0f', ''],
])('the first visible character of %j is %j', (text, first) => {
  expect(firstVisible(text)).toBe(first)
})
