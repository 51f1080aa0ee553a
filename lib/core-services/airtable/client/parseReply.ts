import { airtableBadReply, type RequestTarget } from './airtableErrors'

const SURROGATE = /\\u[dD][89a-fA-F]/

/**
 * Returns an empty object for JSON that is not an object. Throws AIRTABLE_BAD_REPLY for invalid JSON. Replaces a lone
 * surrogate, as of an emoji cut in two, by U+FFFD: UTF-8 cannot hold it, so server and browser would render different
 * pages (React's error 418).
 */
export function parseReply(text: string, target: RequestTarget): Readonly<Record<string, unknown>> {
  try {
    return Object(SURROGATE.test(text) ? JSON.parse(text, wellFormed) : JSON.parse(text))
  } catch {
    // The parser's own message would quote the answer.
    throw airtableBadReply(target, 'the answer is not JSON')
  }
}

const wellFormed = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.toWellFormed() : value
