/** What a process remembers of fields, and the keys with which it reads encrypted ones. */
import type { CipherFor } from '../../entry/encryption'
import type { Hints } from './fieldHints'
import type { MemoryCache } from './memoryCache'

export interface FieldMemory {
  /** The memory layer. */
  memoryCache: MemoryCache
  hints: Hints
  /** Absent without a key for encryption. */
  cipherFor?: CipherFor | undefined
}
