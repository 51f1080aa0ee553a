/** A source that failed is left alone by this process for as long as it asks for, whether Redis can tell others or not. */

import { currentInstant, passedSince } from '../../../../shared/clock'
import { type CodedError, isCodedError } from '../../../../shared/errors'
import type { Ports } from '../../../../shared/ports'
import { sourceCooling, sourceUnfinished } from '../../errors'
import type { AnyField } from '../fieldConfig'
import { placeName } from '../fieldPlace'
import type { FieldRuntime } from '../fieldRuntime'
import type { FieldHints, Rest } from '../memory/fieldHints'

/** How long a failing source is left alone unless it says itself, in ms. */
const COOL_DOWN_MS = 5_000

/** How long a source is left alone after this error, and the code that tells why. */
export function coolDownOf(error: CodedError): { code: string; milliseconds: number } {
  return {
    code: isCodedError(error.cause) ? error.cause.code : error.code,
    milliseconds: error.retryAfter === undefined ? COOL_DOWN_MS : error.retryAfter * 1000,
  }
}

/** `code`: of the error with which the source has failed; null when another instance fetches. */
export function leaveAlone(
  { hints, ports }: FieldRuntime,
  place: string,
  flight: string,
  milliseconds: number,
  code: string | null,
): void {
  const fieldHints = hints.get(place)
  const rest: Rest = { since: currentInstant(ports.clock), milliseconds, code }
  if (code !== null) fieldHints.failed = longerFailure(ports, fieldHints.failed, rest)
  const before = fieldHints.quiet?.flight === flight ? fieldHints.quiet : undefined
  fieldHints.quiet = { flight, ...longerFailure(ports, before, rest) }
}

/** The source has answered: what it had asked for before is over. */
export function sourceAnswered(runtime: FieldRuntime, field: AnyField): void {
  runtime.hints.get(placeName(runtime, field)).failed = undefined
}

/** A failure stands until its end, whatever is found out meanwhile for a shorter time. */
function longerFailure(ports: Ports, before: Rest | undefined, rest: Rest): Rest {
  return before && before.code !== null && leftOf(ports, before) > rest.milliseconds ? before : rest
}

const leftOf = ({ clock }: Ports, { since, milliseconds }: Rest): number =>
  milliseconds - passedSince(clock, since)

export function quietFlight(runtime: FieldRuntime, place: string, flight: string): FieldHints['quiet'] {
  const { quiet } = runtime.hints.get(place)
  return quiet?.flight === flight && leftOf(runtime.ports, quiet) > 0 ? quiet : undefined
}

/** The code of the error with which the source of a field has failed a moment ago, in whichever flight. */
export function failedSource(runtime: FieldRuntime, field: AnyField): string | null {
  const { failed } = runtime.hints.get(placeName(runtime, field))
  return failed && leftOf(runtime.ports, failed) > 0 ? failed.code : null
}

/** The error of a read that does not ask the source again. */
export function cooling({ ports }: FieldRuntime, field: AnyField, code: string): Error {
  ports.emit({ type: 'source.cooling', field: field.name, code })
  return code === 'SOURCE_UNFINISHED' ? sourceUnfinished(field.name, null) : sourceCooling(field.name, code)
}
