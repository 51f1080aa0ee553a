/** Builds errors. Their texts never hold the key, and a cause that could quote it is left out. */
import { type CodedError, codedError } from '../../../shared/errors'
import type { CoolDown } from '../rate-limit/coolDowns'

export interface Target {
  baseId: string
  tableId: string
  view?: string | undefined
  fields: readonly string[]
  ids?: readonly string[] | undefined
}

export interface HookTarget {
  baseId: string
  webhookId?: string | undefined
}

export type RequestTarget = Target | HookTarget

/** How long Airtable refuses every request after its rate limit was exceeded, in s. */
const PENALTY_SECONDS = 30
/** When a retry can help if Airtable does not say, in s. */
const SOON_SECONDS = 5

export const MAX_IDS = 100

const tableText = ({ baseId, tableId }: Target): string => `table ${tableId} of base ${baseId}`

export function describeTarget(target: RequestTarget): string {
  if ('tableId' in target)
    return target.view ? `${tableText(target)}, view "${target.view}"` : tableText(target)
  const { baseId, webhookId } = target
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
    hint: 'Add the base to the token, with the scope data.records:read, and check that its owner can open the base.',
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
    hint: 'It was probably renamed or deleted: correct it in fieldCacheConfigs.ts, best with its id (viw…, in the URL of the view), which a rename does not change.',
  })

/** `column`: undefined if Airtable did not name it. */
export function airtableFieldUnknown(target: Target, column: string | undefined): CodedError {
  const named = column === undefined ? target.fields : [column]
  const columns = named.map((name) => `"${name}"`).join(', ')
  const which = named.length === 1 ? `no column ${columns}` : `not all of the columns ${columns}`
  return codedError('AIRTABLE_FIELD_UNKNOWN', `There is ${which} in ${tableText(target)}`, {
    hint: 'It was probably renamed or deleted: correct it in fieldCacheConfigs.ts, best with ids for all columns (fld…), which a rename does not change.',
  })
}

export const airtableRefused = (target: Target, detail: string): CodedError =>
  codedError('AIRTABLE_REFUSED', `Airtable refused the query for ${describeTarget(target)}: ${detail}`, {
    hint: 'Check what fieldCacheConfigs.ts asks for: its views and its columns.',
  })

export const airtableOffsetInvalid = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_REFUSED',
    `Airtable refused the offset that it had given (${describeTarget(target)}): INVALID_OFFSET_VALUE`,
    {
      hint: 'A proxy that caches single pages serves offsets that have expired: do not let it cache Airtable.',
    },
  )

export const airtableIteratorLost = (target: Target): CodedError =>
  codedError(
    'AIRTABLE_ITERATOR_LOST',
    `Airtable forgot the list while it was read (${describeTarget(target)})`,
    {
      hint: 'The list was read again from its first page, and forgotten again. This usually passes by itself.',
      retryAfter: SOON_SECONDS,
    },
  )

/** `seconds`: how long Airtable asks to wait; undefined if it does not say. */
export const airtableRateLimited = (target: RequestTarget, seconds: number | undefined): CodedError =>
  codedError(
    'AIRTABLE_RATE_LIMITED',
    `Airtable's rate limit was exceeded reading ${describeTarget(target)}`,
    {
      hint: 'More than 5 requests a second reach the base, from here or from elsewhere, or 50 come with the same token.',
      retryAfter: seconds ?? PENALTY_SECONDS,
    },
  )

/** Airtable has refused an earlier request to the base, from this or another instance. */
export const airtableCoolingDown = (target: RequestTarget, { why, seconds }: CoolDown): CodedError =>
  why === 'quota' ? airtableQuotaExhausted(target) : airtableRateLimited(target, seconds)

/** Has no `retryAfter`, because Airtable does not say when the quota is renewed. */
export const airtableQuotaExhausted = (target: RequestTarget): CodedError =>
  codedError(
    'AIRTABLE_QUOTA_EXHAUSTED',
    `The monthly API calls of the workspace of base ${target.baseId} are used up (${describeTarget(target)})`,
    {
      hint: 'Raise the plan of the workspace or wait for the next month; then refresh less often.',
    },
  )

/** `seconds`: how long Airtable asks to wait; undefined if it does not say. */
export const airtableUnavailable = (
  target: RequestTarget,
  detail: string,
  seconds?: number,
  cause?: unknown,
): CodedError =>
  codedError('AIRTABLE_UNAVAILABLE', `Airtable could not be read (${describeTarget(target)}): ${detail}`, {
    hint: 'Airtable answered with a server error or not at all, which usually passes by itself.',
    retryAfter: seconds ?? SOON_SECONDS,
    cause,
  })

export function airtableUnreachable(target: RequestTarget, error: unknown): CodedError {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  // Only system errors have a code. Other errors can quote the header with the key.
  if (!(inner instanceof Error && 'code' in inner)) return airtableUnavailable(target, 'no answer')
  return airtableUnavailable(target, `no answer (${String(inner.code)})`, undefined, inner)
}

export const airtableTimeout = (milliseconds: number, target: RequestTarget): CodedError =>
  codedError(
    'AIRTABLE_TIMEOUT',
    `Airtable did not answer within ${milliseconds} ms (${describeTarget(target)})`,
    {
      hint: 'Raise AIRTABLE_PAGE_TIMEOUT_MS if Airtable is that slow.',
      retryAfter: SOON_SECONDS,
    },
  )

export const airtableBadReply = (target: RequestTarget, reason: string): CodedError =>
  codedError('AIRTABLE_BAD_REPLY', `The answer for ${describeTarget(target)} is not Airtable's: ${reason}`, {
    hint: 'Check AIRTABLE_ENDPOINT_URL; a proxy or a login page may have answered.',
  })

export const airtableTooLarge = (target: RequestTarget, bytes: number): CodedError =>
  codedError('AIRTABLE_TOO_LARGE', `The answer for ${describeTarget(target)} has more than ${bytes} bytes`, {
    hint: 'Ask for fewer columns. If the table is small, another server than Airtable has answered.',
  })

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
  codedError('AIRTABLE_NOT_INITIALIZED', 'The Airtable service was used before it had started', {
    hint: "Get the service with serviceRegistry.getService('airtable').",
  })

export const airtableHalfRead = (field: string): CodedError =>
  codedError('AIRTABLE_HALF_READ', `The field "${field}" is being read in several refreshes`, {
    hint: 'No action is needed: the next ping or the cron updates it after it has been read.',
  })

/** Monitoring and the admin page show the code of the cause. */
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

/** `wanted`: such as "text". */
export const airtableCellUnexpected = (column: string, wanted: string): CodedError =>
  codedError('AIRTABLE_CELL_UNEXPECTED', `the column "${column}" no longer holds ${wanted}`, {
    hint: `Change the type of the column back in Airtable, or read it in another way in fieldCacheConfigs.ts.`,
  })

/** Hides the id of the item, which can be a value of a cell. */
export const airtableItemForeign = (field: string, record: string): CodedError =>
  sourceInvalid(
    field,
    codedError('AIRTABLE_ITEM_FOREIGN', `its item of the record ${record} has another id than that record`, {
      hint: `Return the id of the record as the id of its item in the field "${field}", and any other number under another name: a change finds an item by the id of its record.`,
    }),
  )

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
    hint: 'A column was probably changed: compare its type in Airtable with what fieldCacheConfigs.ts makes of it. The stored value was kept.',
  })
  return sourceInvalid(field, cause)
}

/** When an empty view is read again, in s. It can be a passing fault of the source. */
const EMPTY_AGAIN_SECONDS = 120

export const airtableEmptied = (field: string, before: number): CodedError =>
  sourceInvalid(
    field,
    codedError('AIRTABLE_VIEW_EMPTIED', `its view is empty, and it had ${before} entries before`, {
      hint: 'The last good value is served until its windows end. If the view is meant to be empty, refresh the field on the admin page, or set mayBeEmpty.',
      retryAfter: EMPTY_AGAIN_SECONDS,
    }),
  )
