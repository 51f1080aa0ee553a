/**
 * Encryption of what a field stores, so that access to Redis alone is not enough to read or change it: AES-256-GCM (NIST
 * SP 800-38D) by WebCrypto. A ciphertext holds only with its own header and for its own field: everything around it is
 * authenticated data. What it does not hide: that the entry is there, its length, and the names in its header. Nor does
 * it keep a writer to Redis from putting an older entry of the same field back, tokens included.
 */
import { fromBase64, toBase64 } from './base64'

/** How a text is sealed; stands in the header. */
export interface Seal {
  /** Tells which key it was. */
  keyId: string
  /** 96 random bits that were never used before, as base64. */
  nonce: string
}

/** Encrypts and decrypts for one field. */
export interface Cipher {
  /** A seal for one text, with the key that encrypts now. */
  newSeal(): Promise<Seal>
  /** Whether the key is among those that decrypt. */
  knows(seal: Seal): Promise<boolean>
  /** `header`: what the text must stand with when it is decrypted. */
  encrypt(plain: Uint8Array<ArrayBuffer>, seal: Seal, header: string): Promise<string>
  /** Rejects when the key is unknown, or anything is not as it was encrypted. */
  decrypt(text: string, seal: Seal, header: string): Promise<Uint8Array>
}

export type CipherFor = (field: { name: string; key: string }) => Cipher

interface KeyRing {
  /** The key that encrypts. */
  first: string
  keys: ReadonlyMap<string, CryptoKey>
}

/** In bytes. At one write a second 96 random bits meet SP 800-38D's limit of 2^32 for one key after 136 years. */
const NONCE_LENGTH = 12
const KEY_ID_LENGTH = 6

/**
 * `keys`: 32 bytes each; the first encrypts, all decrypt. `namespace`: tells apart what shares keys and a Redis, such as
 * preview and production.
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

/** Part of a hash: it tells 256 random bits apart, and nothing of them. */
async function deriveKeyId(key: Uint8Array<ArrayBuffer>): Promise<string> {
  const label = new TextEncoder().encode('field-cache key id ')
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array([...label, ...key]))
  return toBase64(new Uint8Array(hash.slice(0, KEY_ID_LENGTH)))
}

/** Not by a port: no test may make a nonce come twice. */
function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(text)
  if (!bytes) throw new Error('it is not base64')
  return bytes
}
