/** A source that failed is left alone by this process for as long as it asks for, whether Redis can tell others or not. */
import { type CodedError, isCodedError, sourceCooling, sourceUnfinished } from './engine/errors'
import type { AnyField } from './engine/fieldConfig'
import type { Memo } from './engine/memos'
import { instantOf, passedSince } from './engine/ports'
import { placeName } from './fieldPlace'
import type { FieldRuntime } from './fieldRuntime'

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
  { memos, ports }: FieldRuntime,
  place: string,
  flight: string,
  milliseconds: number,
  code: string | null,
): void {
  memos.of(place).quiet = { flight, since: instantOf(ports.clock), milliseconds, code }
}

export function quietFlight(runtime: FieldRuntime, place: string, flight: string): Memo['quiet'] {
  const quiet = currentQuiet(runtime, place)
  return quiet?.flight === flight ? quiet : undefined
}

/** The code of the error with which the source of a field has failed a moment ago, in whichever flight. */
export function failedSource(runtime: FieldRuntime, field: AnyField): string | null {
  return currentQuiet(runtime, placeName(runtime, field))?.code ?? null
}

/** The error of a read that does not ask the source again. */
export function cooling({ ports }: FieldRuntime, field: AnyField, code: string): Error {
  ports.emit({ type: 'source.cooling', field: field.name, code })
  return code === 'SOURCE_UNFINISHED' ? sourceUnfinished(field.name, null) : sourceCooling(field.name, code)
}

function currentQuiet({ memos, ports }: FieldRuntime, place: string): Memo['quiet'] {
  const { quiet } = memos.of(place)
  return quiet && passedSince(ports.clock, quiet.since) < quiet.milliseconds ? quiet : undefined
}
