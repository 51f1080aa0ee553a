/** What this process remembers of fields, and the keys with which it reads encrypted ones. */
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
    // Read when something is encrypted: nothing else needs that configuration.
    get cipherFor() {
      return processState('cipher', processCipher)
    },
  }
}

/** Undefined, too, when the keys are unusable: boot has reported it, and a process that goes on stores nothing. */
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
