/** What a process remembers of fields, and the keys with which it reads encrypted ones. */
import type { CipherFor } from '../../entry/encryption'
import type { Memos } from './fieldMemo'
import type { Copies } from './memoryCache'

export interface FieldMemory {
  /** The memory layer. */
  copies: Copies
  memos: Memos
  /** Absent without a key for encryption. */
  cipherFor?: CipherFor | undefined
}
