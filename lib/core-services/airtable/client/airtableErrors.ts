/**
 * Every error of the Airtable client: a code to test for, what was asked for, and the mend. Texts name bases, tables,
 * views, columns and webhooks, never the key, and causes are left out that could quote it.
 */
import { type CodedError, codedError } from '../../../shared/errors'
import type { CoolDown } from '../rate-limit/coolDowns'

/** The records that are read: ids or names as the caller gave them. */
export interface Target {
  baseId: string
  tableId: string
  view?: string | undefined
  fields: readonly string[]
  /** Only these records, of those that the view shows. */
  ids?: readonly string[] | undefined
}

/** The webhooks of a base, or one of them. */
export interface HookTarget {
  baseId: string
  webhookId?: string | undefined
}

/** What a request is about. */
export type RequestTarget = Target | HookTarget

/** Airtable refuses everything for this long after its rate limit was exceeded, in seconds. */
const PENALTY_SECONDS = 30
/** When trying again can help where Airtable does not say, in seconds. */
const SOON_SECONDS = 5

/** How many records can be asked for by id at a time: as many as a page has. */
export const MAX_IDS = 100

const tableText = ({ baseId, tableId }: Target): string => `table ${tableId} of base ${baseId}`

export function describeTarget(subject: RequestTarget): string {
  if ('tableId' in subject)
    return subject.view ? `${tableText(subject)}, view "${subject.view}"` : tableText(subject)
  const { baseId, webhookId } = subject
  return webhookId === undefined ? `the webhooks of base ${baseId}` : `webhook ${webhookId} of base ${baseId}`
}

export const airtableUnauthorized = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_UNAUTHORIZED',
    `Airtable refused the key in AIRTABLE_API_KEY (${describeTarget(target)})`,
    {
      hint: 'Make a personal access token with the scope data.records:read and put it into AIRTABLE_API_KEY.',
    },
  )

export const airtableForbidden = (target: Target): CodedError =>
  codedError('AIRTABLE_FORBIDDEN', `The key in AIRTABLE_API_KEY may not read ${describeTarget(target)}`, {
    hint: 'Add the base to the token, with the scope data.records:read, and see that its owner may open the base.',
  })

export const airtableForbiddenOrMissing = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_FORBIDDEN',
    `The key in AIRTABLE_API_KEY may not read ${describeTarget(target)}, or there is no such base or table`,
    {
      hint: 'Add the base to the token, with the scope data.records:read, and check the ids of base (app…) and table (tbl…): Airtable does not tell the two apart.',
    },
  )

export const airtableNotFound = (target: Target): CodedError =>
  codedError('AIRTABLE_NOT_FOUND', `Airtable does not know ${describeTarget(target)}`, {
    hint: 'Check the ids of base (app…) and table (tbl…) in the environment, and the address in AIRTABLE_ENDPOINT_URL if that is set.',
  })

export const airtableTableUnknown = (target: Target): CodedError =>
  codedError('AIRTABLE_TABLE_UNKNOWN', `There is no table ${target.tableId} in base ${target.baseId}`, {
    hint: 'It was probably renamed or deleted: give its id (tbl…, in the URL of the table), which a rename does not change.',
  })

export const airtableViewUnknown = (target: Target): CodedError =>
  codedError('AIRTABLE_VIEW_UNKNOWN', `There is no view "${target.view ?? ''}" in ${tableText(target)}`, {
    hint: 'It was probably renamed or deleted: mend it in fieldCacheConfigs.ts, best with its id (viw…, in the URL of the view), which a rename does not change.',
  })

/** `column` is the one that Airtable named, if it named one. */
export function airtableFieldUnknown(target: Target, column: string | undefined): CodedError {
  const named = column === undefined ? target.fields : [column]
  const columns = named.map((name) => `"${name}"`).join(', ')
  const which = named.length === 1 ? `no column ${columns}` : `not all of the columns ${columns}`
  return codedError('AIRTABLE_FIELD_UNKNOWN', `There is ${which} in ${tableText(target)}`, {
    hint: 'It was probably renamed or deleted: mend it in fieldCacheConfigs.ts, best with ids for all columns (fld…), which a rename does not change.',
  })
}

/** `detail` is Airtable's own word for it. */
export const airtableRefused = (target: Target, detail: string): CodedError =>
  codedError('AIRTABLE_REFUSED', `Airtable refused the query for ${describeTarget(target)}: ${detail}`, {
    hint: 'Check what fieldCacheConfigs.ts asks for: its views and its columns.',
  })

export const airtableOffsetInvalid = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_REFUSED',
    `Airtable refused the offset that it had given (${describeTarget(target)}): INVALID_OFFSET_VALUE`,
    {
      hint: 'A proxy that keeps single pages hands out offsets that have died: let it pass them through.',
    },
  )

export const airtableIteratorLost = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_ITERATOR_LOST',
    `Airtable forgot the list while it was read (${describeTarget(target)})`,
    {
      hint: 'The list was read again from its first page, and forgotten again: it usually passes by itself.',
      retryAfter: SOON_SECONDS,
    },
  )

/** `seconds`: how long Airtable asks to wait, if it says so. */
export const airtableRateLimited = (subject: RequestTarget, seconds: number | undefined): CodedError =>
  codedError(
    'AIRTABLE_RATE_LIMITED',
    `Airtable's rate limit was exceeded reading ${describeTarget(subject)}`,
    {
      hint: 'More than 5 requests a second reach the base, from here or from elsewhere, or 50 come with the same token.',
      retryAfter: seconds ?? PENALTY_SECONDS,
    },
  )

/** Airtable has refused a request to the base a moment ago, here or in another instance. */
export const airtableLeftAlone = (subject: RequestTarget, { why, seconds }: CoolDown): CodedError =>
  why === 'quota' ? airtableQuotaExhausted(subject) : airtableRateLimited(subject, seconds)

/** It has no time after which trying again helps: Airtable does not say when the quota is renewed. */
export const airtableQuotaExhausted = (subject: RequestTarget): CodedError =>
  codedError(
    'AIRTABLE_QUOTA_EXHAUSTED',
    `The monthly API calls of the workspace of base ${subject.baseId} are used up (${describeTarget(subject)})`,
    {
      hint: 'Raise the plan of the workspace or wait for the next month; then refresh less often.',
    },
  )

/** `seconds`: how long it asks to wait, if it says so. */
export const airtableUnavailable = (
  subject: RequestTarget,
  detail: string,
  seconds?: number,
  cause?: unknown,
): CodedError =>
  codedError('AIRTABLE_UNAVAILABLE', `Airtable could not be read (${describeTarget(subject)}): ${detail}`, {
    hint: 'It answered with a server error or not at all; it usually passes by itself.',
    retryAfter: seconds ?? SOON_SECONDS,
    cause,
  })

export function airtableUnreachable(subject: RequestTarget, error: unknown): CodedError {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  // Only the system's own errors have a code; others can quote the header that holds the key.
  if (!(inner instanceof Error && 'code' in inner)) return airtableUnavailable(subject, 'no answer')
  return airtableUnavailable(subject, `no answer (${String(inner.code)})`, undefined, inner)
}

export const airtableTimeout = (milliseconds: number, subject: RequestTarget): CodedError =>
  codedError(
    'AIRTABLE_TIMEOUT',
    `Airtable did not answer within ${milliseconds} ms (${describeTarget(subject)})`,
    {
      hint: 'Raise AIRTABLE_PAGE_TIMEOUT_MS if it is that slow.',
      retryAfter: SOON_SECONDS,
    },
  )

export const airtableBadReply = (subject: RequestTarget, reason: string): CodedError =>
  codedError(
    'AIRTABLE_BAD_REPLY',
    `What answered for ${describeTarget(subject)} is not Airtable: ${reason}`,
    {
      hint: 'Check AIRTABLE_ENDPOINT_URL; a proxy or a login page may stand in between.',
    },
  )

export const airtableTooLarge = (subject: RequestTarget, bytes: number): CodedError =>
  codedError(
    'AIRTABLE_TOO_LARGE',
    `What answered for ${describeTarget(subject)} has more than ${bytes} bytes`,
    {
      hint: 'Ask for fewer columns; if the table is small, what answers is not Airtable.',
    },
  )

export const airtableQueryInvalid = (target: Target): CodedError =>
  codedError('AIRTABLE_QUERY_INVALID', `The columns of ${tableText(target)} are given by id and by name`, {
    hint: 'Give all by id (fld…) or all by name: Airtable answers all in the same way.',
  })

export const airtableIdsInvalid = (target: Target, reason: string): CodedError =>
  codedError(
    'AIRTABLE_QUERY_INVALID',
    `The records of ${tableText(target)} cannot be asked for by id: ${reason}`,
    {
      hint: `Give ids of records (rec…), ${MAX_IDS} at most at a time.`,
    },
  )

export const airtableNotInitialized = (): CodedError =>
  codedError('AIRTABLE_NOT_INITIALIZED', 'Airtable was asked before its service had started', {
    hint: "Get the service with serviceRegistry.getService('airtable').",
  })

/** What a change is followed with later, by the next ping or the cron. */
export const airtableHalfRead = (field: string): CodedError =>
  codedError('AIRTABLE_HALF_READ', `The field "${field}" is just being read, in several refreshes`, {
    hint: 'Nothing is to be done: the next ping or the cron brings it up to date once it stands.',
  })

/** What is wrong is told by the cause, whose code monitoring and the admin page show. */
function sourceInvalid(field: string, cause: CodedError): CodedError {
  const { hint = '', retryAfter } = cause
  return codedError(
    'SOURCE_INVALID',
    `The source of the field "${field}" was not accepted: ${cause.message}`,
    {
      hint,
      cause,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    },
  )
}

/** `wanted`: what it held when the field was written, such as "text". Names no record, because the caller does. */
export const airtableCellUnexpected = (column: string, wanted: string): CodedError =>
  codedError('AIRTABLE_CELL_UNEXPECTED', `the column "${column}" no longer holds ${wanted}`, {
    hint: `Change the type of the column back in Airtable, or read it in another way in fieldCacheConfigs.ts.`,
  })

/** The two ids are not told: one of them can be a value. */
export const airtableItemForeign = (field: string, record: string): CodedError =>
  sourceInvalid(
    field,
    codedError('AIRTABLE_ITEM_FOREIGN', `its item of the record ${record} has not the id of that record`, {
      hint: `Return the id of the record as the id of its item in the field "${field}", and any other number under another name: a change of a record is followed by its id.`,
    }),
  )

/** How many records an error names. */
const MOST_NAMED = 5

export function airtableUnreadable(
  field: string,
  { unreadable, why }: { unreadable: readonly string[]; why: string | null },
  records: number,
): CodedError {
  const named = unreadable.slice(0, MOST_NAMED).join(', ')
  const which =
    unreadable.length > 0
      ? `${unreadable.length} of its ${records} records (${named})`
      : `its ${records} records`
  const cause = codedError('AIRTABLE_RECORDS_UNREADABLE', `${which} cannot be read: ${why ?? 'Error'}`, {
    hint: 'A column was probably changed: compare its type in Airtable with what fieldCacheConfigs.ts makes of it. What was stored before stays.',
  })
  return sourceInvalid(field, cause)
}

/** An empty view is asked for again after this many seconds: it can be a fault of the source that passes. */
const EMPTY_AGAIN_SECONDS = 120

/** `before`: how many items or records there were. */
export const airtableEmptied = (field: string, before: number): CodedError =>
  sourceInvalid(
    field,
    codedError('AIRTABLE_VIEW_EMPTIED', `its view is empty, and it had ${before} entries before`, {
      hint: 'The last good value stays until its time is over. If the view is meant to be empty, refresh the field on the admin page, or set mayBeEmpty.',
      retryAfter: EMPTY_AGAIN_SECONDS,
    }),
  )
