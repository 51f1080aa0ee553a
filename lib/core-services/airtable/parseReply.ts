import { airtableBadReply, type Subject } from './airtableErrors'

/** The keys of an answer, whatever they hold; none when it is no object. Throws AIRTABLE_BAD_REPLY for what is not JSON. */
export function parseReply(text: string, subject: Subject): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text))
  } catch {
    // The parser's own words quote the answer.
    throw airtableBadReply(subject, 'the answer is not JSON')
  }
}
