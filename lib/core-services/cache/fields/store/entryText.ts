import { type Entry, encodeEntry } from '../../entry/entry'
import type { AnyField } from '../fieldConfig'
import type { FieldMemory } from '../memory/fieldMemory'

/** Null when an encrypted field has no key: its text would be readable in Redis. */
export async function encodeForField(
  { cipherFor }: Pick<FieldMemory, 'cipherFor'>,
  field: AnyField,
  entry: Entry,
): Promise<string | null> {
  const { compression = true, encrypt = false } = field.advanced ?? {}
  if (!encrypt) return encodeEntry(entry, compression)
  return cipherFor ? encodeEntry(entry, compression, cipherFor(field)) : null
}
