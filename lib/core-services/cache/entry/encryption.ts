/**
 * Encrypts stored values with AES-256-GCM (NIST SP 800-38D), so that access to Redis is not enough to read or change
 * them. A ciphertext is bound to its header and its field. Not hidden: that the entry exists, its length, the names in
 * its header. A writer to Redis can still restore an older entry with its tokens.
 */
import { fromBase64, toBase64 } from './base64'

export interface Seal {
  keyId: string
  /** 96 random bits as base64, never used before. */
  nonce: string
}

export interface Cipher {
  /** With the first key. */
  newSeal(): Promise<Seal>
  knows(seal: Seal): Promise<boolean>
  /** `header` is authenticated with the text: `decrypt` needs the same one. */
  encrypt(plain: Uint8Array<ArrayBuffer>, seal: Seal, header: string): Promise<string>
  /** Rejects when the key is unknown, or the text or the header was changed. */
  decrypt(text: string, seal: Seal, header: string): Promise<Uint8Array>
}

export type CipherFor = (field: { name: string; key: string }) => Cipher

interface KeyRing {
  /** Id of the key that encrypts. */
  first: string
  keys: ReadonlyMap<string, CryptoKey>
}

/** In bytes. At one write a second, 96 bits reach the limit of SP 800-38D (2^32 for one key) after 136 years. */
const NONCE_LENGTH = 12
const KEY_ID_LENGTH = 6

/**
 * `keys`: 32 bytes each; the first encrypts, all decrypt. `namespace` separates environments that share keys and Redis.
 */
export function createCipherFor(
  keys: readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]],
  namespace: string,
): CipherFor {
  let imported: Promise<KeyRing> | undefined
  const ring = () => {
    imported ??= importKeys(keys)
    return imported
  }
  return ({ name, key }) => {
    const parameters = ({ nonce }: Seal, header: string) => ({
      name: 'AES-GCM',
      iv: toBytes(nonce),
      additionalData: new TextEncoder().encode(`${JSON.stringify([namespace, name, key])}\n${header}`),
    })
    const importKey = async ({ keyId }: Seal) => {
      const found = (await ring()).keys.get(keyId)
      if (!found) throw new Error('the key is not known here')
      return found
    }
    return {
      newSeal: async () => ({ keyId: (await ring()).first, nonce: toBase64(randomBytes(NONCE_LENGTH)) }),
      knows: async ({ keyId }) => (await ring()).keys.has(keyId),
      async encrypt(plain, seal, header) {
        const text = await crypto.subtle.encrypt(parameters(seal, header), await importKey(seal), plain)
        return toBase64(new Uint8Array(text))
      },
      async decrypt(text, seal, header) {
        const parts = parameters(seal, header)
        return new Uint8Array(await crypto.subtle.decrypt(parts, await importKey(seal), toBytes(text)))
      },
    }
  }
}

async function importKeys(keys: readonly Uint8Array<ArrayBuffer>[]): Promise<KeyRing> {
  const named = await Promise.all(
    keys.map(async (key) => {
      const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt'])
      return [await deriveKeyId(key), imported] as const
    }),
  )
  return { first: named[0]?.[0] ?? '', keys: new Map(named) }
}

/** Part of a hash, which reveals nothing of the key. */
async function deriveKeyId(key: Uint8Array<ArrayBuffer>): Promise<string> {
  const label = new TextEncoder().encode('field-cache key id ')
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array([...label, ...key]))
  return toBase64(new Uint8Array(hash.slice(0, KEY_ID_LENGTH)))
}

/** Not a port: a test that makes a nonce come twice would break the encryption. */
function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(text)
  if (!bytes) throw new Error('it is not base64')
  return bytes
}
