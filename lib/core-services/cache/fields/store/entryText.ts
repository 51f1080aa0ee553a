/** How an entry is written down for Redis. */
import { type Entry, encodeEntry } from '../../entry/entry'
import type { AnyField } from '../fieldConfig'
import type { FieldMemory } from '../memory/fieldMemory'

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
