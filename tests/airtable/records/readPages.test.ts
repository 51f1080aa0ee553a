import fc from 'fast-check'
import { expect, it } from 'vitest'
import { airtableIteratorLost } from '@/lib/core-services/airtable/client/airtableErrors'
import type { Page } from '@/lib/core-services/airtable/records/page'
import { readPages } from '@/lib/core-services/airtable/records/readPages'
import { ASKED } from '../../kit/airtable/errorBodies'

/** Ids on pages; records move between them, so that an id can come twice. */
const idsByPage = fc.array(fc.array(fc.nat(9), { maxLength: 5 }), { minLength: 1, maxLength: 6 })

it('a list holds each record once, newest values at the first place, however often Airtable loses the list', async () => {
  await fc.assert(
    fc.asyncProperty(idsByPage, fc.array(fc.nat(5), { maxLength: 2 }), async (pages, deaths) => {
      const forgotten = deaths.map((at) => at % pages.length)
      let version = 0
      const ask = async (offset = '0'): Promise<Page> => {
        const index = Number(offset)
        if (forgotten[0] === index) {
          forgotten.shift()
          throw airtableIteratorLost(ASKED)
        }
        const records = (pages[index] ?? []).map((id) => {
          version += 1
          return { id: `rec${id}`, createdTime: '', fields: { version } }
        })
        return { records, offset: index + 1 < pages.length ? String(index + 1) : undefined }
      }
      const { records } = await readPages(ask, ASKED)
      const ids = pages.flat().map((id) => `rec${id}`)
      expect(records.map(({ id }) => id)).toEqual([...new Set(ids)])
      const firstVersion = version - ids.length + 1
      for (const { id, fields } of records) {
        expect(fields.version).toBe(firstVersion + ids.lastIndexOf(id))
      }
    }),
  )
})
