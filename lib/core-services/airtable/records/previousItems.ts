import type { FetchContext, Previous } from '../../cache/fields/fieldConfig'
import { airtableEmptied } from '../client/airtableErrors'
import type { ItemMaker, Listed } from './items'

/** Stored in the note of each value, alone or as part of its mark. */
interface Origin {
  shape: string
  records: number
}

export const encodeOrigin = ({ shape, records }: Origin): string => JSON.stringify({ shape, records })

function parseOrigin(note: string | undefined): Origin | null {
  try {
    const { shape, records } = Object(JSON.parse(note ?? 'null')) as Record<keyof Origin, unknown>
    return typeof shape === 'string' && typeof records === 'number' ? { shape, records } : null
  } catch {
    return null
  }
}

/** Empty when another declaration made the items. Leaves out those that the schema refuses. */
export async function previousItems(
  { previous }: FetchContext,
  shape: string,
  { refused }: ItemMaker,
): Promise<Map<string, Listed>> {
  const before = await previous()
  if (!before || parseOrigin(before.note)?.shape !== shape) return new Map()
  const items = listEntries(before)
  const indexes = await refused?.(items)
  return new Map(items.filter((_, index) => !indexes?.has(index)).map((item) => [item.id, item]))
}

interface FieldOptions {
  name: string
  mayBeEmpty?: boolean | undefined
}

/**
 * Throws SOURCE_INVALID for an empty view while a stored value that is not empty may still be served: a single empty
 * answer is usually a fault of the source. Accepts a force by the app or an admin, and records that are `announced` to
 * have left.
 */
export async function assertNotEmptied(
  field: FieldOptions,
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
