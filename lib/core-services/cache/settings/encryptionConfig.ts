import { z } from 'zod'
import { type Env, optionalText, parseEnv } from '../../../shared/env'

const KEY_BYTES = 32

const keyProblem = (name: string) =>
  `${name} is not ${KEY_BYTES} bytes as base64 or hex: use openssl rand -base64 ${KEY_BYTES}`

const settings = z
  .object({
    CACHE_ENCRYPTION_KEY: optionalText.transform((given, context) =>
      keysIn('CACHE_ENCRYPTION_KEY', given === undefined ? [] : [given], context),
    ),
    CACHE_ENCRYPTION_KEYS_OLD: optionalText.transform((given = '', context) =>
      keysIn('CACHE_ENCRYPTION_KEYS_OLD', given.split(',').filter(Boolean), context),
    ),
  })
  .refine(
    (values) => values.CACHE_ENCRYPTION_KEY.length > 0 || values.CACHE_ENCRYPTION_KEYS_OLD.length === 0,
    { error: 'CACHE_ENCRYPTION_KEYS_OLD is set, but CACHE_ENCRYPTION_KEY is not: which key encrypts?' },
  )

/** The first one encrypts, all decrypt; empty when none is set. Throws CONFIG_INVALID, without the keys. */
export function encryptionKeys(env: Env = process.env): readonly Uint8Array<ArrayBuffer>[] {
  const values = parseEnv(settings, env)
  return [...values.CACHE_ENCRYPTION_KEY, ...values.CACHE_ENCRYPTION_KEYS_OLD]
}

function keysIn(name: string, texts: readonly string[], context: z.RefinementCtx): Uint8Array<ArrayBuffer>[] {
  return texts.flatMap((text) => {
    const key = parseKey(text.trim())
    if (!key) context.addIssue(keyProblem(name))
    return key ? [key] : []
  })
}

function parseKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const isHex = /^[0-9a-f]{64}$/i.test(text)
  // 43 characters and an optional padding, in the usual alphabet or the one for URLs.
  const isBase64 = /^[\w+/-]{43}=?$/.test(text)
  if (!isHex && !isBase64) return undefined
  const bytes = new Uint8Array(Buffer.from(text, isHex ? 'hex' : 'base64'))
  return bytes.length === KEY_BYTES ? bytes : undefined
}
