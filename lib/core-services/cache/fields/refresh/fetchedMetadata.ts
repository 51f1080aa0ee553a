/**
 * A mistake in what a fetcher says about its value fails the fetch like a failure of the source, and readers are served
 * what is stored. Everything here throws SOURCE_INVALID.
 */

import { MOST_SECONDS, timeProblem } from '../../../../shared/durations'
import { describeValue, truncateText } from '../../../../shared/text'
import type { Entry } from '../../entry/entry'
import { tagGuards } from '../../entry/versionTokens'
import { sourceInvalid } from '../../errors'
import { halfProblem, tagProblem } from '../../redis/commands/keySpace'
import { type AnyField, MOST_NOTE_CHARACTERS, type ValueMetadata } from '../fieldConfig'

/** Each dependency adds a key to the command of every read. */
const MOST_DEPENDENCIES = 1_000

export function assertMetadata(field: string, { note, fetchedAt, endsAt }: ValueMetadata, now: number): void {
  if (note !== undefined && typeof note !== 'string')
    throw sourceInvalid(field, `keep was given a ${typeof note} as note`)
  if ((note?.length ?? 0) > MOST_NOTE_CHARACTERS)
    throw sourceInvalid(
      field,
      `keep was given a note of ${note?.length} characters, ${MOST_NOTE_CHARACTERS} at most`,
    )
  if (fetchedAt !== undefined) assertTime(field, 'the fetchedAt of keep', fetchedAt, now)
  if (endsAt !== undefined) assertTime(field, 'the endsAt of keep', endsAt, now)
}

export function assertProgress(field: string, progress: unknown): void {
  if (typeof progress !== 'string')
    throw sourceInvalid(field, `pause was given a ${typeof progress}, not a text`)
  const problem = halfProblem(progress)
  if (problem !== undefined)
    throw sourceInvalid(field, `pause was given a text that cannot be kept: ${problem}`)
}

export function readDependencies(field: AnyField, value: unknown): string[] {
  const tags: unknown = field.dependsOn?.(value) ?? []
  if (!Array.isArray(tags)) throw sourceInvalid(field.name, 'dependsOn answered no list of tags')
  for (const tag of tags) {
    const problem = tagProblem(tag)
    if (problem !== undefined)
      throw sourceInvalid(
        field.name,
        `dependsOn answered a tag that cannot be used, ${showTag(tag)}: ${problem}`,
      )
  }
  const guards = tagGuards(tags)
  if (guards.length <= MOST_DEPENDENCIES) return guards
  throw sourceInvalid(field.name, `dependsOn answered ${guards.length} tags, ${MOST_DEPENDENCIES} at most`)
}

const MOST_TAG_SHOWN = 60

const showTag = (tag: unknown): string => JSON.stringify(truncateText(describeValue(tag), MOST_TAG_SHOWN))

export interface FetchedValue {
  /** After the schema. */
  value: unknown
  /** The source returned null, or the schema made null of its value. */
  isNothing: boolean
  fetchedAt: number
  endsAt: number | undefined
}

/** The stale window lies before the value's end, and takes half of its lifetime at most. */
export function readLifetime(
  field: AnyField,
  { value, isNothing, fetchedAt, endsAt = Number.POSITIVE_INFINITY }: FetchedValue,
  now: number,
): Pick<Entry, 'freshMs' | 'endMs'> {
  const { negativeTtl, expiresAt } = field.advanced ?? {}
  if (isNothing && negativeTtl !== undefined)
    return { freshMs: negativeTtl * 1000, endMs: negativeTtl * 1000 }
  const valueEnd = (value === null ? undefined : expiresAt?.(value)) ?? Number.POSITIVE_INFINITY
  assertTime(field.name, 'what advanced.expiresAt answered', valueEnd, now)
  const end = Math.min(endsAt, valueEnd)
  if (end === Number.POSITIVE_INFINITY) return {}
  const endMs = Math.min(end - fetchedAt, MOST_SECONDS * 1000)
  return { freshMs: Math.max(endMs - (field.staleWhileRevalidate ?? 0) * 1000, endMs / 2), endMs }
}

/** Infinity means never. */
function assertTime(field: string, what: string, time: unknown, now: number): void {
  const problem = time === Number.POSITIVE_INFINITY ? undefined : timeProblem(time, now)
  if (problem !== undefined) throw sourceInvalid(field, `${what} is ${time}, ${problem}`)
}
