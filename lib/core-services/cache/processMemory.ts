import { memoryMaxBytes } from '../../config/appConfig'
import type { Clock } from '../../shared/clock'
import { hasCode } from '../../shared/errors'
import { processState } from '../../shared/processState'
import { type CipherFor, createCipherFor } from './entry/encryption'
import { createHints } from './fields/memory/fieldHints'
import type { FieldMemory } from './fields/memory/fieldMemory'
import { createMemoryCache } from './fields/memory/memoryCache'
import { keyConfig } from './settings/cacheConfig'
import { encryptionKeys } from './settings/encryptionConfig'

export function processMemory(clock: Clock): FieldMemory {
  return {
    memoryCache: processState('memoryCache', () => createMemoryCache(memoryMaxBytes(), clock)),
    hints: processState('hints', createHints),
    // Read only when needed: nothing else needs this configuration.
    get cipherFor() {
      return processState('cipher', processCipher)
    },
  }
}

/** Undefined, too, for unusable keys: boot has reported them, and the process stores no encrypted field. */
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
