import { expect, it } from 'vitest'
import { firstVisible } from '@/lib/shared/visibleText'

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
])('of %j the first character that shows is %j', (text, first) => {
  expect(firstVisible(text)).toBe(first)
})
