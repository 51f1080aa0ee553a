import { redisBadReply, valueNotSerializable } from '../errors'
import { findLoss, findRefusal } from './jsonLoss'

/** Throws VALUE_NOT_SERIALIZABLE for what JSON cannot hold or would silently change. */
export function encodeValue(value: unknown): string {
  let text: string | undefined
  let loss: string | undefined
  try {
    text = JSON.stringify(value)
    loss = findLoss(value)
  } catch (cause) {
    throw valueNotSerializable(explained(value, cause), cause)
  }
  if (text !== undefined && loss === undefined) return text
  throw valueNotSerializable(loss ?? 'its toJSON returns nothing')
}

function explained(value: unknown, cause: unknown): unknown {
  try {
    return findRefusal(value) ?? cause
  } catch {
    return cause
  }
}

/** As read back: a Date becomes a text. Throws VALUE_NOT_SERIALIZABLE. */
export const asStored = <T>(value: T): T => JSON.parse(encodeValue(value)) as T

/** Throws REDIS_BAD_REPLY: another program wrote a text that is not JSON. */
export function decodeValue<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch {
    throw redisBadReply('a stored value is not JSON')
  }
}
