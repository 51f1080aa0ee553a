/** What Airtable refuses, told apart by status, each with the mend. Texts name bases, tables and views, never the key. */
import { type CodedError, codedError } from '../cache/engine/errors'

/** Airtable refuses everything for this long after its rate limit was exceeded, in seconds. */
const PENALTY_SECONDS = 30

/** How airtable.js reports a failure: a plain object, not an Error. */
interface AirtableFailure {
  error?: unknown
  message?: unknown
  statusCode?: unknown
}

export function airtableError(failure: unknown, what: string): CodedError {
  const { error, message, statusCode } = (failure ?? {}) as AirtableFailure
  const type = typeof error === 'string' ? error : 'UNKNOWN'
  const detail = typeof message === 'string' ? message : `HTTP ${statusCode}`
  const cause = { cause: failure }
  switch (statusCode) {
    case 401:
      return codedError('AIRTABLE_UNAUTHORIZED', 'Airtable refused the key in AIRTABLE_API_KEY', {
        hint: 'Make a personal access token with the scope data.records:read and put it into AIRTABLE_API_KEY.',
        ...cause,
      })
    case 403:
      return codedError('AIRTABLE_FORBIDDEN', `The key in AIRTABLE_API_KEY may not read ${what}`, {
        hint: 'Add the base to the token, with the scope data.records:read; Airtable says the same of a base or table that does not exist.',
        ...cause,
      })
    case 404:
      return codedError('AIRTABLE_NOT_FOUND', `Airtable does not know ${what}`, {
        hint: 'Check the ids of base (app…) and table (tbl…) in the environment.',
        ...cause,
      })
    case 422:
      return codedError('AIRTABLE_REFUSED', `Airtable refused the query for ${what}: ${type}, ${detail}`, {
        hint: 'A view or a column was probably renamed: mend its name in fieldCacheConfigs.ts.',
        ...cause,
      })
    case 429:
      return codedError('AIRTABLE_RATE_LIMITED', `Airtable's rate limit was exceeded reading ${what}`, {
        hint: 'More than 5 requests a second reach the base, or the monthly quota of the workspace is used up.',
        retryAfter: PENALTY_SECONDS,
        ...cause,
      })
    default:
      // Without a status no answer came, and the library's own words can quote the key.
      return codedError(
        'AIRTABLE_UNAVAILABLE',
        `Airtable could not be read (${what}): ${statusCode ? detail : 'no answer'}`,
        {
          hint: 'It answered with a server error or not at all; it usually passes by itself.',
          retryAfter: 5,
          ...cause,
        },
      )
  }
}

export const airtableTimeout = (milliseconds: number, what: string): CodedError =>
  codedError('AIRTABLE_TIMEOUT', `Airtable did not answer within ${milliseconds} ms (a page of ${what})`, {
    hint: 'Raise AIRTABLE_PAGE_TIMEOUT_MS if the table is that slow.',
    retryAfter: 5,
  })

export const airtableBadShape = (what: string): CodedError =>
  codedError('AIRTABLE_BAD_REPLY', `What answered for ${what} is not a page of Airtable records`, {
    hint: 'Check AIRTABLE_ENDPOINT_URL; a proxy may stand in between.',
  })

export const airtableNotInitialized = (): CodedError =>
  codedError('AIRTABLE_NOT_INITIALIZED', 'Airtable was asked before its service had started', {
    hint: "Get the service with serviceRegistry.getService('airtable').",
  })
