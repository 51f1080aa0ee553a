import type { AirtableField } from '@/lib/core-services/airtable/airtableField'
import type { FetchContext } from '@/lib/core-services/cache/engine/fieldConfig'

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

/** What reading all of its view makes of a field, past the cache, as it comes out of JSON. */
export async function refetched<T>(field: AirtableField<T>): Promise<T> {
  return JSON.parse(JSON.stringify(await field.airtable.read(nothingStored, null))) as T
}
