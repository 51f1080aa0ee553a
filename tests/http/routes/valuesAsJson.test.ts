/** What readers get over HTTP of a value that a schema has made something else of. */
import { beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { answerRead, answerRefresh } from '@/lib/http/routes/fieldRoutes'
import { createTestCache } from '@/lib/testing/testCache'
import { field } from '@/tests/kit/fields/fieldProcess'
import { setEnvironment } from '@/tests/kit/process/environment'

const ADMIN = 'an-admin-token-for-this-file'
const test = await createTestCache()
test.install()
setEnvironment({ ADMIN_TOKEN: ADMIN })
beforeEach(() => test.reset())

const request = (method = 'GET') =>
  new Request('http://localhost/api/fields/counts', { method, headers: { authorization: `Bearer ${ADMIN}` } })

it.each(['public', 'admin'] as const)(
  'refuses a Map, naming its path, instead of sending {} (%s)',
  async (access) => {
    const schema = z.object({
      byState: z.record(z.string(), z.number()).transform((all) => new Map(Object.entries(all))),
    })
    const counts = field<unknown>(async () => ({ byState: { OA: 3 } }), { schema, access })
    for (const answer of [answerRead(request(), counts), answerRefresh(request('POST'), counts)]) {
      const response = await answer
      expect(response.status).toBe(500)
      expect(await response.json()).toMatchObject({ code: 'VALUE_NOT_SERIALIZABLE' })
    }
  },
)

it('sends a Date as text, and everything else unchanged', async () => {
  const schema = z.object({ since: z.coerce.date(), n: z.number() })
  const config = field<unknown>(async () => ({ since: '2026-01-02', n: 1 }), { schema })
  const response = await answerRead(request(), config)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toEqual({ since: '2026-01-02T00:00:00.000Z', n: 1 })
})
