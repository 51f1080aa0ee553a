import { describe, expect, it } from 'vitest'
import { verifiedPing } from '@/lib/core-services/airtable/webhooks/verifyPing'
import { contentMac } from '@/local/airtable/webhooks/pings'

// From the tests of pyairtable, a client in another language, which has them from Airtable.
const SECRET = 'c2VjcmV0LWtleQ=='
const BODY =
  '{"base": {"id": "app00000000000000"}, "webhook": {"id": "ach00000000000000"}, "timestamp": "2022-02-01T21:25:05.663Z"}'
const MAC = 'hmac-sha256=e26da696a90933647bddc83995c3e1e3bb1c3d8ce1ff61cb7469767d50b2b2d4'

const secrets = new Map([['ach00000000000000', Buffer.from(SECRET, 'base64')]])
const verify = (body: string, header: string | null) =>
  verifiedPing(new TextEncoder().encode(body), header, secrets)

describe('a ping', () => {
  it('a ping with a MAC as Airtable makes it is verified', () => {
    expect(verify(BODY, MAC)).toEqual({
      baseId: 'app00000000000000',
      webhookId: 'ach00000000000000',
      sentAt: Date.UTC(2022, 1, 1, 21, 25, 5, 663),
    })
    expect(
      verify(
        BODY,
        MAC.replace(/[a-f]/g, (letter) => letter.toUpperCase()).replace('HMAC-SHA256', 'hmac-sha256'),
      ),
    ).toBeDefined()
  })

  it.each([
    ['no MAC', BODY, null],
    ['an empty MAC', BODY, ''],
    ['the MAC without its prefix', BODY, MAC.slice('hmac-sha256='.length)],
    ['another prefix', BODY, MAC.replace('hmac-', '')],
    ['the MAC in base64', BODY, `hmac-sha256=${Buffer.from(MAC.slice(12), 'hex').toString('base64')}`],
    ['half of the MAC', BODY, MAC.slice(0, 44)],
    ['more than the MAC', BODY, `${MAC}00`],
    ['a MAC that is off by a bit', BODY, `${MAC.slice(0, -1)}5`],
    ['a MAC of nothing but zeros', BODY, `hmac-sha256=${'0'.repeat(64)}`],
    ['the MAC by the secret as text', BODY, contentMac(Buffer.from(SECRET).toString('base64'), BODY)],
    ['a byte more', `${BODY} `, MAC],
    ['a body that is cut off', BODY.slice(0, -1), MAC],
    ['another time', BODY.replace('2022', '2023'), MAC],
    ['another webhook', BODY.replace('ach0', 'ach1'), MAC],
  ])('is not believed with %s', (_, body, header) => {
    expect(verify(body, header)).toBeUndefined()
  })

  it.each([
    '',
    'null',
    '[]',
    '{',
    '{"base":"app00000000000000","webhook":{"id":"ach00000000000000"},"timestamp":"2022-02-01T21:25:05.663Z"}',
    BODY.replace('app00000000000000', 'app/../x'),
    BODY.replace('"ach00000000000000"', '7'),
    BODY.replace('2022-02-01T21:25:05.663Z', 'yesterday'),
    BODY.replace(/, "timestamp.*"}/, '}'),
  ])('is none without base, webhook and time, whatever its MAC: %s', (body) => {
    expect(verify(body, contentMac(SECRET, body))).toBeUndefined()
  })

  it('a ping of a webhook without a secret is rejected, whatever its signature', () => {
    const body = BODY.replace('ach0', 'ach1')
    for (const secret of [SECRET, '']) expect(verify(body, contentMac(secret, body))).toBeUndefined()
  })
})
