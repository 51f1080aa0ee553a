/** What the runtime of a server process is made of: its settings, and what it remembers across the modules of Next. */
import { deploymentName, memoryMaxBytes, refreshConfig } from '../../config/appConfig'
import { createRedactor } from '../../observability/redact'
import { hasCode } from '../../shared/errors'
import type { Ports } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { type CipherFor, createCipherFor } from './entry/encryption'
import type { RuntimeParts, RuntimeSettings } from './runtime'
import { batchSize, commandPatience, keyConfig } from './settings/cacheConfig'
import { encryptionKeys } from './settings/encryptionConfig'

const processSettings: RuntimeSettings = {
  get deployment() {
    return deploymentName()
  },
  get refreshTimeoutMs() {
    return refreshConfig().refreshTimeoutMs
  },
  get batchSize() {
    return batchSize()
  },
  get memoryBytes() {
    return memoryMaxBytes()
  },
  get patience() {
    return commandPatience()
  },
  get cipherFor() {
    return processCipher()
  },
}

export const processParts = (ports: Ports): Omit<RuntimeParts, 'services'> => ({
  ports,
  settings: processSettings,
  remember: processState,
  clean: (text) => createRedactor(process.env)(text),
})

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
