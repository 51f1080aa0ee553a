import { type AirtableField, buildShape } from '@/lib/core-services/airtable/airtableField'
import { encodeMark } from '@/lib/core-services/airtable/changelog/syncMark'
import { field } from '../fields/fieldProcess'

/** A field that says which table it reads; what it fetches is up to the test. */
export function toReader(
  table: { baseId: string; tableId: string },
  name: string,
  fetcher: () => Promise<unknown>,
  refreshEvery?: number,
): AirtableField<unknown> {
  const reading = { table: { name: 'people', locate: () => table }, columns: [], code: '' }
  return {
    ...field<unknown>(fetcher),
    name,
    key: `${name}_key`,
    ttl: 86_400,
    ...(refreshEvery === undefined ? {} : { refreshEvery }),
    airtable: {
      ...reading,
      read(context, position) {
        const mark = { at: context.startedAt, shape: buildShape(reading), records: 1, pending: {} }
        if (position) context.keep({ note: encodeMark({ ...mark, ...position }) })
        return fetcher()
      },
    },
  }
}
