/** What stands of a field while its view is read anew: what a read that looks wrong is compared with. */
import type { FetchContext, Previous } from '../../cache/fields/fieldConfig'
import { airtableEmptied } from '../client/airtableErrors'
import type { ItemMaker, Listed } from './items'

/** Noted with each value, alone or as part of its mark. */
interface Origin {
  /** Tells the declaration and the code that it was made by. */
  shape: string
  /** How many records the view had. */
  records: number
}

/** The note of a value that follows no log of changes. */
export const encodeOrigin = ({ shape, records }: Origin): string => JSON.stringify({ shape, records })

function parseOrigin(note: string | undefined): Origin | null {
  try {
    const { shape, records } = Object(JSON.parse(note ?? 'null')) as Record<keyof Origin, unknown>
    return typeof shape === 'string' && typeof records === 'number' ? { shape, records } : null
  } catch {
    return null
  }
}

/** The items of a list by their ids, as far as the same declaration has made them and the schema takes them still. */
export async function previousItems(
  { previous }: FetchContext,
  shape: string,
  { refused }: ItemMaker,
): Promise<Map<string, Listed>> {
  const before = await previous()
  if (!before || parseOrigin(before.note)?.shape !== shape) return new Map()
  const items = listEntries(before)
  const places = await refused?.(items)
  return new Map(items.filter((_, place) => !places?.has(place)).map((item) => [item.id, item]))
}

interface Guarded {
  name: string
  mayBeEmpty?: boolean | undefined
}

/**
 * Refuses a view without anything in it while what stands has something in it and may still be served: one empty answer of
 * a source is more often a fault than the truth. Accepted as the truth are a force by the app or an admin, and an empty
 * view of which the log of changes tells that everything has left it (`announced`). Throws SOURCE_INVALID.
 */
export async function assertNotEmptied(
  field: Guarded,
  { reason, anonymous, previous }: FetchContext,
  announced: ReadonlySet<string>,
): Promise<void> {
  if (field.mayBeEmpty || (reason === 'force' && !anonymous)) return
  const before = await previous()
  if (!before || before.isOver) return
  const entries = listEntries(before)
  const count = Array.isArray(before.value) ? entries.length : (parseOrigin(before.note)?.records ?? 0)
  const left = Array.isArray(before.value)
    ? entries.every(({ id }) => announced.has(id))
    : announced.size >= count
  if (count > 0 && !left) throw airtableEmptied(field.name, count)
}

function listEntries({ value }: Previous): Listed[] {
  return Array.isArray(value) ? value.filter((item) => typeof Object(item).id === 'string') : []
}
