import type { CipherFor } from '../../entry/encryption'
import type { Hints } from './fieldHints'
import type { MemoryCache } from './memoryCache'

export interface FieldMemory {
  memoryCache: MemoryCache
  hints: Hints
  /** Undefined without an encryption key. */
  cipherFor?: CipherFor | undefined
}
