import { expect, it } from 'vitest'
import { createScrubber } from '@/lib/scrub'

const scrub = createScrubber({
  ADMIN_TOKEN: 'correct-horse',
  STRIPE_SECRET_KEY: 'sk+live/short1',
  CACHE_ENCRYPTION_KEYS_OLD: 'first-old-one, second-old-one',
  SHOP_PASSWORD: 'the',
  CACHE_KEY_PREFIX: 'field-cache-production',
})

it.each([
  ['a secret of the environment', 'refused correct-horse today', 'refused […] today'],
  ['one in an address', 'GET /x?k=sk%2Blive%2Fshort1', 'GET /x?k=[…]'],
  ['one of a list', 'neither first-old-one nor second-old-one', 'neither […] nor […]'],
  ['a bearer token', 'Authorization: Bearer abc.def', 'Authorization: Bearer […]'],
  [
    'what is asked for',
    'fetch https://api.example/v1/people?name=Ana#top failed',
    'fetch https://api.example/v1/people?[…] failed',
  ],
  ['who asks', 'cannot reach https://ana:pw@api.example/v1', 'cannot reach https://[…]@api.example/v1'],
  ['an e-mail address', 'no such person: ana.canary@example.org!', 'no such person: […]!'],
  [
    'what looks like a key',
    'key patA1b2C3d4E5f6G7_0123456789abcdef0123456789 is unknown',
    'key […] is unknown',
  ],
  ['lines and colours', 'one\r\ntwo\u001b[31m three\u2028four', 'one two [31m three four'],
])('takes out %s', (_, text, clean) => {
  expect(scrub(text)).toBe(clean)
})

it.each([
  'Redis did not answer within 250 ms',
  'The configuration is not usable: CACHE_CB_HALF_OPEN_MAX_CALLS is not a whole number: give probes, such as 3',
  'Airtable does not know table tblPeople00000001 of base appPeople00000001, view "viwAgents00000001"',
  'Check the keys under field-cache-production:v1:agents_list, the prefix and the rest of it',
  'connect ECONNREFUSED 127.0.0.1:6379 in lib/core-services/cache/engine/transport.ts:101:24',
])('leaves alone: %s', (text) => {
  expect(scrub(text)).toBe(text)
})

it('cuts what is long, in a time that does not grow with it', () => {
  expect(scrub(`${'a@'.repeat(5_000_000)}`).length).toBe(400)
  expect(scrub('word '.repeat(1_000))).toMatch(/^(word ){79}word…$/)
})
