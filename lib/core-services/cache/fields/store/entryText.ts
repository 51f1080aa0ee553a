import { type Entry, encodeEntry } from '../../entry/entry'
import type { AnyField } from '../fieldConfig'
import type { FieldMemory } from '../memory/fieldMemory'

/**
 * The text of an entry for Redis. Null for a field with `advanced.encrypt` when there is no key: its text would be
 * readable in Redis.
 */
export async function encodeForField(
  { cipherFor }: Pick<FieldMemory, 'cipherFor'>,
  field: AnyField,
  entry: Entry,
): Promise<string | null> {
  const { compression = true, encrypt = false } = field.advanced ?? {}
  if (!encrypt) return encodeEntry(entry, compression)
  return cipherFor ? encodeEntry(entry, compression, cipherFor(field)) : null
}
