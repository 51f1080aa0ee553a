/** The simple way to follow changes: whatever reads a table that has changed is fetched anew, all of it. */
import { type CodedError, cacheUnavailable, hasCode } from '../../cache/engine/errors'
import type { AnyField } from '../../cache/engine/fieldConfig'
import { lookAt, placeOf } from '../../cache/fieldPlace'
import type { CronRuntime } from '../../cache/fieldRuntime'
import { invalidateField } from '../../cache/invalidate'
import { forceRefresh } from '../../cache/refreshCache'
import { type AirtableField, isAirtableField } from '../airtableField'
import type { WebhookPayload, WebhooksApi } from '../webhooksApi'
import type { Drain } from './pings'
import type { Hook } from './verifiedPing'

/** What has changed: tables by id, or 'everything' where that cannot be told. */
type Changed = ReadonlySet<string> | 'everything'

/** Reading changes may cost so many requests; what is more than that is not read but counts as everything. */
const MOST_PAGES = 5

const KIND = 'drained'
/** Longer than Airtable keeps payloads, in s. */
const KEPT_SECONDS = 30 * 86_400

export function refreshChanged(
  fields: readonly AnyField[],
  api: () => Promise<WebhooksApi>,
  runtime: CronRuntime,
): Drain {
  return async (hook, _cause, signal) => {
    const notes = await runtime.notes()
    const [from] = await notes.read<number>(KIND, [hook.webhookId])
    const { changed, cursor } = await readChanges(await api(), hook, from ?? undefined, signal).catch(
      async (error: unknown) => {
        if (!hasCode(error, 'AIRTABLE_REFUSED')) throw error
        // A position that Airtable no longer takes: begin where it says that the next change will be.
        return { changed: 'everything' as const, cursor: await nextCursor(await api(), hook, error, signal) }
      },
    )
    const concerned = fields.filter(isAirtableField).filter((field) => isConcerned(field, hook, changed))
    const failures: unknown[] = []
    for (const field of concerned) {
      signal.throwIfAborted()
      await follow(field, runtime).catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw failures[0]
    await notes.write(KIND, hook.webhookId, cursor, KEPT_SECONDS)
  }
}

async function readChanges(
  api: WebhooksApi,
  { baseId, webhookId }: Hook,
  from: number | undefined,
  signal: AbortSignal,
): Promise<{ changed: Changed; cursor: number }> {
  const tables = new Set<string>()
  let everything = false
  let asked = from
  for (let page = 1; ; page += 1) {
    const { payloads, cursor, mightHaveMore } = await api.payloads(baseId, webhookId, asked, { signal })
    // Payloads are kept for a week: some of those that were to be read next are gone.
    everything ||= cursor - payloads.length > (asked ?? 1)
    for (const payload of payloads) {
      const named = tablesOf(payload)
      everything ||= named === undefined
      for (const table of named ?? []) tables.add(table)
    }
    asked = cursor
    if (!mightHaveMore) return { changed: everything ? 'everything' : tables, cursor }
    // The next drain goes on here. What it finds is in what is fetched now, and will be fetched once more.
    if (page === MOST_PAGES) return { changed: 'everything', cursor }
  }
}

async function nextCursor(
  api: WebhooksApi,
  { baseId, webhookId }: Hook,
  refusal: CodedError,
  signal: AbortSignal,
): Promise<number> {
  const known = (await api.list(baseId, { signal })).find(({ id }) => id === webhookId)
  if (!known) throw refusal
  return known.cursorForNextPayload
}

/** Undefined for a payload that does not tell. */
function tablesOf(payload: WebhookPayload): string[] | undefined {
  const { error, payloadFormat, changedTablesById, createdTablesById, destroyedTableIds } = payload
  if (error !== undefined || payloadFormat !== 'v0') return undefined
  const changed = [...Object.keys(Object(changedTablesById)), ...Object.keys(Object(createdTablesById))]
  return [...changed, ...(Array.isArray(destroyedTableIds) ? destroyedTableIds.map(String) : [])]
}

function isConcerned({ airtable }: AirtableField<unknown>, hook: Hook, changed: Changed): boolean {
  const { baseId, tableId } = airtable.table.locate()
  if (baseId !== hook.baseId) return false
  // A table that is given by its name may be any of them.
  return changed === 'everything' || changed.has(tableId) || (changed.size > 0 && !/^tbl\w+$/.test(tableId))
}

/** What is stored is replaced; what is only being fetched, and may have been read before the change, is not kept. */
async function follow(field: AnyField, runtime: CronRuntime): Promise<void> {
  const look = await lookAt(runtime, placeOf(runtime, await runtime.store(), field))
  if (look.replaced === null) return invalidateField(field, runtime)
  const { stored } = await forceRefresh(runtime, field, 'change')
  if (!stored) throw cacheUnavailable(new Error('what has changed was fetched but not stored'))
}
