import { expect, it } from 'vitest'
import { createRedactor } from '@/lib/observability/redact'

const redact = createRedactor({
  ADMIN_TOKEN: 'correct-horse',
  STRIPE_SECRET_KEY: 'sk+live/short1',
  CACHE_ENCRYPTION_KEYS_OLD: 'first-old-one, second-old-one',
  SHOP_PASSWORD: 'the',
  CACHE_KEY_PREFIX: 'field-cache-production',
  AIRTABLE_WEBHOOK_SECRETS:
    'ach00000000000001:bm90QVJlYWxT/cret/Zm9y+VGhl, ach00000000000002:c2Vjb25k/secret',
  KV_URL: 'rediss://default:p%2Fw-of-redis@eu1.example:6379',
})

it.each([
  ['a secret of the environment', 'refused correct-horse today', 'refused […] today'],
  ['one in an address', 'GET /x?k=sk%2Blive%2Fshort1', 'GET /x?k=[…]'],
  ['one of a list', 'neither first-old-one nor second-old-one', 'neither […] nor […]'],
  ['the secret of a webhook', 'cannot use bm90QVJlYWxT/cret/Zm9y+VGhl as a key', 'cannot use […] as a key'],
  ['one of another webhook', 'no MAC by c2Vjb25k/secret', 'no MAC by […]'],
  ['the same in an address', 'GET /x?k=bm90QVJlYWxT%2Fcret%2FZm9y%2BVGhl', 'GET /x?k=[…]'],
  ['the same with escaped slashes', 'got bm90QVJlYWxT\\/cret\\/Zm9y+VGhl', 'got […]'],
  ['the same in the alphabet of addresses', 'got bm90QVJlYWxT_cret_Zm9y-VGhl', 'got […]'],
  [
    'the secret of a webhook that was just made',
    '{"id":"ach1","macSecretBase64":"AAAA1234/bbbbCCCC=","expirationTime":"2026"}',
    '{"id":"ach1","macSecretBase64":"[…]","expirationTime":"2026"}',
  ],
  [
    'one in escaped JSON',
    '"{\\"macSecretBase64\\":\\"AAAA1234/bbbbCCCC=\\"}"',
    '"{\\"macSecretBase64\\":\\"[…]"}"',
  ],
  [
    'a key that nothing is known of',
    'key q83vEjRWeJCrze/8SNFZ4kKvN3vEjRWeJA== is unknown',
    'key […] is unknown',
  ],
  ['the cookie of a session', 'cookie: __Host-field-cache-admin=a1b2.17.c3d4', 'cookie: […]'],
  ['a signature', 'X-Airtable-Content-MAC: hmac-sha256=0a1b2c3d', 'X-Airtable-Content-MAC: […]'],
  [
    'a password of an address',
    'AUTH with p/w-of-redis failed, p%2Fw-of-redis, too',
    'AUTH with […] failed, […], too',
  ],
  [
    'who asks a Redis',
    'cannot reach redis://default:pw@localhost:6379',
    'cannot reach redis://[…]@localhost:6379',
  ],
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
])('redaction removes %s', (_, text, clean) => {
  expect(redact(text)).toBe(clean)
})

it.each([
  'Redis did not answer within 250 ms',
  'The configuration is not usable: CACHE_CB_HALF_OPEN_MAX_CALLS is not a whole number: give probes, such as 3',
  'Airtable does not know table tblPeople00000001 of base appPeople00000001, view "viwAgents00000001"',
  'Check the keys under field-cache-production:v1:agents_list, the prefix and the rest of it',
  'ADMIN_TOKEN: at least 16 characters; AIRTABLE_API_KEY is not set: make a personal access token',
  'GET /api/fields/agents/refresh-of-20-lists-and-more/with/slashes/2026 failed',
  'connect ECONNREFUSED 127.0.0.1:6379 in lib/core-services/cache/redis/transport/transport.ts:101:24',
])('redaction leaves alone: %s', (text) => {
  expect(redact(text)).toBe(text)
})

it('redaction cuts long texts, in a time that does not grow with them', () => {
  expect(redact(`${'a@'.repeat(5_000_000)}`).length).toBe(400)
  expect(redact('word '.repeat(1_000))).toMatch(/^(word ){79}word…$/)
})

it('redaction cuts a text between characters, never through one', () => {
  const emoji = '😀'.repeat(600)
  for (const text of [emoji, `x${emoji}`, 'half of one: \ud83d'])
    expect(redact(text).isWellFormed()).toBe(true)
  expect(redact(emoji).length).toBeLessThanOrEqual(400)
})
