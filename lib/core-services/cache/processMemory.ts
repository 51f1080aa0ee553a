/** What this process remembers of fields, and the keys with which it reads encrypted ones. */
import { memoryMaxBytes } from '../../config/appConfig'
import { keyConfig } from '../../config/cacheConfig'
import { encryptionKeys } from '../../config/encryptionConfig'
import { type CipherFor, createCipherFor } from './engine/cipher'
import { type Copies, createCopies } from './engine/copies'
import { hasCode } from './engine/errors'
import { createMemos, type Memos } from './engine/memos'
import type { Clock } from './engine/ports'
import { processState } from './engine/processState'

export interface FieldMemory {
  /** The memory layer. */
  copies: Copies
  memos: Memos
  /** Absent without a key for encryption. */
  cipherFor?: CipherFor | undefined
}

export function processMemory(clock: Clock): FieldMemory {
  return {
    copies: processState('copies', () => createCopies(memoryMaxBytes(), clock)),
    memos: processState('memos', createMemos),
    // Read when something is encrypted: nothing else needs that configuration.
    get cipherFor() {
      return processState('cipher', processCipher)
    },
  }
}

/** Undefined as well when the keys are unusable: boot has told so, and whoever goes on all the same stores nothing. */
function processCipher(): CipherFor | undefined {
  try {
    const [first, ...others] = encryptionKeys()
    const { keyPrefix, keyVersion } = keyConfig()
    return first && createCipherFor([first, ...others], `${keyPrefix} ${keyVersion}`)
  } catch (error) {
    if (hasCode(error, 'CONFIG_INVALID')) return undefined
    throw error
  }
}
