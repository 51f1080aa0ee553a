/** The text of an entry for Redis, as the options of its field want it. */
import { type Entry, encodeEntry } from '../../entry/entry'
import type { AnyField } from '../fieldConfig'
import type { FieldMemory } from '../memory/fieldMemory'

/** Null without a key for a field that is to be encrypted: its text would be readable in Redis. */
export async function encodeForField(
  { cipherFor }: Pick<FieldMemory, 'cipherFor'>,
  field: AnyField,
  entry: Entry,
): Promise<string | null> {
  const { compression = true, encrypt = false } = field.advanced ?? {}
  if (!encrypt) return encodeEntry(entry, compression)
  return cipherFor ? encodeEntry(entry, compression, cipherFor(field)) : null
}
