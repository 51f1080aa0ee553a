import { type AirtableField, buildShape } from '@/lib/core-services/airtable/airtableField'
import { checkBody } from '@/lib/core-services/cache/entry/schema'
import type { FetchContext, Previous } from '@/lib/core-services/cache/fields/fieldConfig'

const nothingStored: FetchContext = {
  signal: new AbortController().signal,
  reason: 'stale',
  startedAt: 0,
  previous: async () => null,
  keep: () => undefined,
  remainingMs: () => 1_000_000,
  resume: async () => null,
  startOver: () => undefined,
  pause: () => Promise.reject(new Error('all of it is wanted')),
}

/**
 * What readers get of reading all of a field's view, past the cache: as it comes out of JSON and its schema. `served`: what
 * stands, which counts only for records that cannot be read.
 */
export async function refetched<T>(field: AirtableField<T>, served?: unknown): Promise<T> {
  const note = JSON.stringify({ shape: buildShape(field.airtable), records: 1 })
  const before: Previous = { value: served, note, fetchedAt: 0, endsAt: undefined }
  const context = { ...nothingStored, previous: async () => (served === undefined ? null : before) }
  const checked = await checkBody(field.schema, JSON.stringify(await field.airtable.read(context, null)))
  if (checked.ok) return checked.value
  throw new Error(checked.reason)
}
