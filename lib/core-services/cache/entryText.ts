/** How an entry is written down for Redis. */
import { type Entry, encodeEntry } from './engine/entry'
import type { AnyField } from './engine/fieldConfig'
import type { FieldMemory } from './processMemory'

/** Null when it would be readable there and must not be. */
export async function textOf(
  { cipherFor }: Pick<FieldMemory, 'cipherFor'>,
  field: AnyField,
  entry: Entry,
): Promise<string | null> {
  const { compression = true, encrypt = false } = field.advanced ?? {}
  if (!encrypt) return encodeEntry(entry, compression)
  return cipherFor ? encodeEntry(entry, compression, cipherFor(field)) : null
}
