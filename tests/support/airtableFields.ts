import type { AirtableField } from '@/lib/core-services/airtable/airtableField'
import { field } from './fieldProcess'

/** A field that says which table it reads; what it fetches is up to the test. */
export function readerOf(
  table: { baseId: string; tableId: string },
  name: string,
  fetcher: () => Promise<unknown>,
  refreshEvery?: number,
): AirtableField<unknown> {
  return {
    ...field<unknown>(fetcher),
    name,
    key: `${name}_key`,
    ttl: 86_400,
    ...(refreshEvery === undefined ? {} : { refreshEvery }),
    airtable: { table: { name: 'people', locate: () => table }, columns: [], make: (records) => records },
  }
}
