/**
 * Errors with a stable `code` to test for, a message about what went wrong, and a `hint` how to fix it. Next evaluates
 * a module several times in one process, so errors are recognised by `code`, never by `instanceof`.
 */

import { toRetrySeconds } from './durations'

export interface CodedError extends Error {
  readonly code: string
  /** What to do about it; safe to show to the operators of the app. */
  readonly hint?: string | undefined
  /** Whole seconds after which trying again can help, a day at most. */
  readonly retryAfter?: number | undefined
  /** The token was refused for a write alone. */
  readonly onlyReads?: boolean
}

export interface ErrorDetails {
  hint?: string
  cause?: unknown
  /** Seconds, rounded up. A number that is not positive counts as not given. */
  retryAfter?: number | undefined
}

export function codedError(
  code: string,
  message: string,
  { hint, cause, retryAfter }: ErrorDetails = {},
): CodedError {
  const error = new Error(message, cause === undefined ? undefined : { cause })
  error.name = 'FieldCacheError'
  return Object.assign(error, { code, hint, retryAfter: toRetrySeconds(retryAfter) })
}

export function isCodedError(error: unknown): error is CodedError {
  return error instanceof Error && error.name === 'FieldCacheError' && 'code' in error
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is CodedError {
  return isCodedError(error) && codes.includes(error.code)
}

export function getErrorCode(error: unknown): string {
  return isCodedError(error) ? error.code : 'UNKNOWN'
}

export function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : 'Unknown error'
}

export const configInvalid = (problems: readonly string[]): CodedError =>
  codedError(
    'CONFIG_INVALID',
    `The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    {
      hint: 'Set the variables named above; .env.example describes each of them.',
    },
  )
