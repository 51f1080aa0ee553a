/** Values as they stand in Redis: JSON, so that each comes back exactly as it went in. */
import { redisBadReply, valueNotSerializable } from './errors'

/** Throws VALUE_NOT_SERIALIZABLE for what JSON cannot hold. */
export function encodeValue(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw valueNotSerializable(cause)
  }
  if (text === undefined)
    throw valueNotSerializable(new Error(`a value of type ${typeof value} has no JSON form`))
  return text
}

/** The value as it comes back from Redis, such as a Date as a text. Throws VALUE_NOT_SERIALIZABLE. */
export const asStored = <T>(value: T): T => JSON.parse(encodeValue(value)) as T

/** Throws REDIS_BAD_REPLY for text that is not JSON: somebody else wrote that key. */
export function decodeValue<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch {
    throw redisBadReply('a stored value is not JSON')
  }
}
