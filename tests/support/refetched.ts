import type { AirtableField } from '@/lib/core-services/airtable/airtableField'
import type { FetchContext } from '@/lib/core-services/cache/engine/fieldConfig'
import { checkBody } from '@/lib/core-services/cache/engine/schema'

const nothingStored: FetchContext = {
  signal: new AbortController().signal,
  reason: 'force',
  startedAt: 0,
  previous: async () => null,
  keep: () => undefined,
  remainingMs: () => 1_000_000,
  resume: async () => null,
  startOver: () => undefined,
  pause: () => Promise.reject(new Error('all of it is wanted')),
}

/** What readers get of reading all of a field's view, past the cache: as it comes out of JSON and its schema. */
export async function refetched<T>(field: AirtableField<T>): Promise<T> {
  const checked = await checkBody(
    field.schema,
    JSON.stringify(await field.airtable.read(nothingStored, null)),
  )
  if (checked.ok) return checked.value
  throw new Error(checked.reason)
}
