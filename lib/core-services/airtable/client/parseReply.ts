import { airtableBadReply, type RequestTarget } from './airtableErrors'

/** An escape of half a character, or of a whole one in two. */
const SURROGATE = /\\u[dD][89a-fA-F]/

/**
 * The keys of an answer, whatever they hold; none when it is no object. Throws AIRTABLE_BAD_REPLY for what is not JSON.
 * Half a character, as a program leaves it that cuts an emoji in two, becomes U+FFFD: no UTF-8 holds it, and a page that
 * shows it is not the page that its browser makes of it (React's error 418).
 */
export function parseReply(text: string, subject: RequestTarget): Readonly<Record<string, unknown>> {
  try {
    return Object(SURROGATE.test(text) ? JSON.parse(text, wellFormed) : JSON.parse(text))
  } catch {
    // The parser's own words quote the answer.
    throw airtableBadReply(subject, 'the answer is not JSON')
  }
}

const wellFormed = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.toWellFormed() : value
