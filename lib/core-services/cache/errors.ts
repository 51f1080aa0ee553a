/** No message holds a value, a token or a whole command. */

import { type CodedError, codedError, getErrorMessage, hasCode, isCodedError } from '../../shared/errors'
import { describeValue, truncateText } from '../../shared/text'

/** Failures of Redis, for which the cache may have a fallback. */
export function isRedisFailure(error: unknown): error is CodedError {
  return isCodedError(error) && (error.code.startsWith('REDIS_') || error.code === 'CACHE_UNAVAILABLE')
}

/** Failures of the source: a stored value may be served instead. */
export function isSourceError(error: unknown): error is CodedError {
  return hasCode(error, 'SOURCE_FAILED', 'SOURCE_TIMEOUT', 'SOURCE_INVALID', 'SOURCE_UNFINISHED')
}

/** A refresh ran out of time; the next one continues from there. */
export interface UnfinishedError extends CodedError {
  /** How far it has read; null when another instance knows. */
  readonly done: string | null
}

export function isUnfinished(error: unknown): error is UnfinishedError {
  return hasCode(error, 'SOURCE_UNFINISHED')
}

/** In characters, of a foreign message. */
const MOST_WORDS = 400

const bounded = (text: string): string =>
  text.length <= MOST_WORDS ? truncateText(text, MOST_WORDS) : `${truncateText(text, MOST_WORDS - 1)}…`

/** Plain JavaScript can pass anything as a name. */
const named = (name: unknown): string => JSON.stringify(truncateText(describeValue(name), 60))

const toWords = (cause: unknown): string => bounded(getErrorMessage(cause))

export const cacheNotInitialized = (operation: string): CodedError =>
  codedError(
    'CACHE_NOT_INITIALIZED',
    `cache.${operation}() was called before cache.initialize() had succeeded`,
    {
      hint: "Call initCoreServices(['cache']) first, or get the service with serviceRegistry.getService('cache').",
    },
  )

/** The error of Redis behind errors that only say that it is not asked. */
export function rootFailure(error: CodedError): CodedError {
  const isCover = hasCode(error, 'CACHE_UNAVAILABLE', 'REDIS_CIRCUIT_OPEN', 'SERVICE_FAILED')
  return isCover && isCodedError(error.cause) ? rootFailure(error.cause) : error
}

export const cacheUnavailable = (cause: unknown): CodedError =>
  codedError('CACHE_UNAVAILABLE', `Redis could not be asked: ${toWords(cause)}`, {
    hint: 'Reads go on uncached; writes and locks have to wait until Redis answers.',
    cause,
    retryAfter: 5,
  })

export const redisUnreachable = (target: string, urlName: string, cause: unknown): CodedError =>
  codedError('REDIS_UNREACHABLE', `Nothing usable answers at ${target} (${networkReason(cause)})`, {
    hint: `Check the URL in ${urlName}: it is the REST URL of the database and starts with https://.`,
    cause,
    retryAfter: 5,
  })

export const redisTimeout = (milliseconds: number, urlName: string): CodedError =>
  codedError('REDIS_TIMEOUT', `Redis did not answer within ${milliseconds} ms`, {
    hint: `Check the URL in ${urlName}; if it is right, run the functions in the region of the database, or raise CACHE_COMMAND_HARD_TIMEOUT_MS.`,
    retryAfter: 5,
  })

export const redisCircuitOpen = (cause?: unknown): CodedError =>
  codedError('REDIS_CIRCUIT_OPEN', 'Redis has failed repeatedly and is not asked for a while', {
    hint: 'It is probed in the background and used again once it answers.',
    cause,
    retryAfter: 5,
  })

export const redisUnauthorized = (tokenName: string): CodedError =>
  codedError('REDIS_UNAUTHORIZED', `Redis refused the token in ${tokenName}`, {
    hint: `Copy the REST token of the database (not the read-only one) into ${tokenName}.`,
  })

export const redisQuota = (reason: string): CodedError =>
  codedError('REDIS_QUOTA', `Redis refuses commands: ${reason}`, {
    hint: 'The plan of the database allows no more for now: raise it, or wait for its next period.',
    retryAfter: 60,
  })

export const redisTooLarge = (reason: string): CodedError =>
  codedError('REDIS_TOO_LARGE', `Redis refuses a request or reply of this size: ${reason}`, {
    hint: 'Store less per key; a request and a reply may have 10 MB each.',
  })

export const redisCommandFailed = (command: string, reason: string): CodedError =>
  codedError('REDIS_COMMAND_FAILED', `Redis refused ${command}: ${reason}`, {
    hint: reason.startsWith('WRONGTYPE')
      ? 'The key holds a value of another kind.'
      : 'If Redis refuses everything, check that its URL is the REST URL alone, without a path.',
  })

export const redisBadReply = (reason: string): CodedError =>
  codedError('REDIS_BAD_REPLY', `What answered is not Redis over HTTP: ${reason}`, {
    hint: 'Check the URL; a proxy or a login page may stand in between.',
    retryAfter: 5,
  })

export const redisRefusesPing = (urlName: string, cause: CodedError): CodedError =>
  codedError(
    'REDIS_COMMAND_FAILED',
    `Redis answers at the URL in ${urlName} and does not take PING: ${cause.message}`,
    {
      hint: `${urlName} is the REST URL of the database alone: a path behind it would be read as a command.`,
      cause,
      retryAfter: 5,
    },
  )

export const notRedis = (urlName: string, cause: CodedError): CodedError =>
  codedError(
    'REDIS_BAD_REPLY',
    `What answers at the URL in ${urlName} is not Upstash Redis: ${cause.message}`,
    {
      hint: `${urlName} is the REST URL of the database alone, without a path; a proxy or a login page may stand in between.`,
      cause,
      retryAfter: 5,
    },
  )

export const keyInvalid = (key: unknown, reason: string): CodedError =>
  codedError('KEY_INVALID', `The key ${named(key)} cannot be used: ${reason}`, {
    hint: 'Use 1 to 250 characters without control characters, such as orders:account:001.',
  })

export const tagInvalid = (tag: unknown, reason: string): CodedError =>
  codedError('KEY_INVALID', `The tag ${named(tag)} cannot be used: ${reason}`, {
    hint: 'Use 1 to 250 characters without control characters, such as product:42.',
  })

export const hashFieldInvalid = (field: unknown, reason: string): CodedError =>
  codedError('KEY_INVALID', `The field ${named(field)} of a hash cannot be used: ${reason}`, {
    hint: 'Do not cut texts in the middle of a character: [...text].slice(0, 20).join("").',
  })

const EXPIRY_HINT =
  'Give one expiry at most (ex, px, exat, pxat or keepTtl) as a positive whole number, and nx or xx, not both.'

export const optionsInvalid = (reason: string, hint = EXPIRY_HINT): CodedError =>
  codedError('OPTIONS_INVALID', `The cache options cannot be used: ${reason}`, { hint })

/** `reason`: what was lost and where, such as `agents[3].joined is a Map`, or the error thrown. */
export const valueNotSerializable = (reason: unknown, cause?: unknown): CodedError =>
  codedError(
    'VALUE_NOT_SERIALIZABLE',
    `The value cannot be stored as JSON: ${typeof reason === 'string' ? bounded(reason) : toWords(reason)}`,
    {
      hint: 'Store plain data: Object.fromEntries(map) for a Map, [...set] for a Set, await response.json() for a Response, null for what is missing.',
      cause,
    },
  )

export const fieldInvalid = (name: unknown, reason: string): CodedError =>
  codedError('FIELD_INVALID', `The field ${named(name)} is not usable: ${reason}`, {
    hint: 'Correct it in fieldCacheConfigs.ts, or in the options of the call.',
  })

export const sourceFailed = (field: string, cause: unknown): CodedError =>
  codedError('SOURCE_FAILED', `The source of the field "${field}" failed: ${toWords(cause)}`, {
    hint: isCodedError(cause)
      ? (cause.hint ?? '')
      : 'Look at the cause; what was stored before is untouched.',
    cause,
    ...(isCodedError(cause) && cause.retryAfter !== undefined ? { retryAfter: cause.retryAfter } : {}),
  })

export const sourceTimeout = (field: string, cause: unknown): CodedError =>
  codedError(
    'SOURCE_TIMEOUT',
    `The source of the field "${field}" did not answer in time: ${toWords(cause)}`,
    {
      hint: 'Ask the source for less, or raise the deadline.',
      cause,
      retryAfter: 5,
    },
  )

export const sourceUnfinished = (field: string, done: string | null): UnfinishedError =>
  Object.assign(
    codedError(
      'SOURCE_UNFINISHED',
      `The source of the field "${field}" takes more than one refresh to read${done === null ? '' : `: ${done}`}`,
      { hint: 'The next refresh goes on from there.', retryAfter: 1 },
    ),
    { done },
  )

export const sourceCooling = (field: string, code: string): CodedError =>
  codedError(
    'SOURCE_FAILED',
    `The source of the field "${field}" failed a moment ago (${code}) and is left alone`,
    {
      hint: 'It is asked again once its cool-down is over.',
      retryAfter: 5,
    },
  )

export const forceContended = (field: string, attempts: number): CodedError =>
  codedError(
    'FORCE_CONTENDED',
    `The field "${field}" was changed by others during each of ${attempts} forced refreshes`,
    {
      hint: 'Invalidate less often or by narrower tags, or try again: the stored value may have been fetched after this call.',
      retryAfter: 1,
    },
  )

export const writeContended = (key: string, attempts: number): CodedError =>
  codedError(
    'WRITE_CONTENDED',
    `The key ${JSON.stringify(key)} was changed by others during each of ${attempts} attempts to write it`,
    { hint: 'Nothing was decided: read the key, or try again. Write it from fewer places.', retryAfter: 1 },
  )

export const sourceInvalid = (field: string, reason: string): CodedError =>
  codedError(
    'SOURCE_INVALID',
    `The source of the field "${field}" answered in an unexpected shape: ${bounded(reason)}`,
    {
      hint: 'Nothing was stored. Correct the fetcher or the schema of the field.',
    },
  )

export const lockInvalid = (reason: string): CodedError =>
  codedError('LOCK_INVALID', `The lock cannot be taken like this: ${reason}`, {
    hint: 'Give names, a ttl in seconds, retryCount as a number and retryDelay in milliseconds.',
  })

export const lockNotAcquired = (names: readonly string[], attempts: number): CodedError =>
  codedError('LOCK_NOT_ACQUIRED', `Another holder has ${lockText(names)} (tried ${attempts} times)`, {
    hint: 'Try again later, or with a higher retryCount.',
    retryAfter: 1,
  })

export const lockLost = (names: readonly string[]): CodedError =>
  codedError('LOCK_LOST', `It is no longer certain that ${lockText(names)} is held`, {
    hint: 'Another holder may work at the same time. Stop when the signal is aborted, and check the fencing token where you write.',
  })

function lockText(names: readonly string[]): string {
  const rest = names.length > 1 ? ` and ${names.length - 1} more` : ''
  return `the lock ${JSON.stringify(names[0])}${rest}`
}

function networkReason(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  // The library's message can quote the URL or a header, secrets included.
  return inner instanceof Error && 'code' in inner ? String(inner.code) : 'no connection'
}
