import { describe, expect, it } from 'vitest'
import { errorFromResponse } from '@/lib/core-services/airtable/client/errorResponses'
import { ASKED, ERROR_BODIES } from '../../kit/airtable/errorBodies'

describe('what Airtable refuses', () => {
  it.each(ERROR_BODIES)('$name ($status) is $code', ({ status, body, code, names, mend, retryAfter }) => {
    const error = errorFromResponse({ status, retryAfter: undefined, text: body }, ASKED)
    expect(error).toMatchObject({ code, hint: expect.stringContaining(mend) })
    expect(error.retryAfter).toBe(retryAfter)
    for (const name of names) expect(error.message).toContain(name)
  })

  it('an error holds how long Airtable asks to wait', () => {
    const refused = (status: number) => errorFromResponse({ status, retryAfter: 42, text: '' }, ASKED)
    expect([429, 503].map((status) => refused(status).retryAfter)).toEqual([42, 42])
  })

  it.each([
    '{',
    '[]',
    '"text"',
    '{"error":null}',
    '{"errors":[]}',
    '{"errors":{}}',
    '{"errors":[null]}',
    '{"error":{"type":7,"message":{}}}',
    '{"error":"constructor"}',
    '{"error":{"type":"__proto__"}}',
  ])('%s is no error body of Airtable', (text) => {
    expect(errorFromResponse({ status: 418, retryAfter: undefined, text }, ASKED).code).toBe(
      'AIRTABLE_BAD_REPLY',
    )
    expect(errorFromResponse({ status: 500, retryAfter: undefined, text }, ASKED).code).toBe(
      'AIRTABLE_UNAVAILABLE',
    )
  })

  it('an error names the view only if one was requested', () => {
    const error = errorFromResponse(
      { status: 500, retryAfter: undefined, text: '' },
      { ...ASKED, view: undefined },
    )
    expect(error.message).not.toContain('view')
  })

  it('an error quotes at most one line of Airtable', () => {
    const text = JSON.stringify({ error: { type: 'ODD', message: 'word\n '.repeat(5_000) } })
    const { message } = errorFromResponse({ status: 422, retryAfter: undefined, text }, ASKED)
    expect(message.length).toBeLessThan(400)
    expect(message).not.toContain('\n')
  })
})
