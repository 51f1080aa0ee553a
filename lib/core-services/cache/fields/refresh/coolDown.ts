/** Leaves a failing source alone in this process for as long as it asks for, whether Redis can tell other instances or not. */

import { currentInstant, passedSince } from '../../../../shared/clock'
import { type CodedError, isCodedError } from '../../../../shared/errors'
import type { Ports } from '../../../../shared/ports'
import { sourceCooling, sourceUnfinished } from '../../errors'
import type { FieldContext } from '../fieldContext'
import type { FieldRuntime } from '../fieldRuntime'
import type { BackOff, FieldHints } from '../memory/fieldHints'

/** How long a failing source is left alone unless its error says otherwise, in ms. */
const COOL_DOWN_MS = 5_000

/** A field, or a slot of it, with what this process remembers. */
export interface Remembered {
  readonly runtime: FieldRuntime
  readonly hints: FieldHints
}

export interface CoolDown {
  milliseconds: number
  /** Of the error with which the source failed; null when another instance fetches. */
  code: string | null
}

/** How long a source is left alone after this error, and the code of its cause. */
export function coolDownAfter(error: CodedError): CoolDown & { code: string } {
  return {
    code: isCodedError(error.cause) ? error.cause.code : error.code,
    milliseconds: error.retryAfter === undefined ? COOL_DOWN_MS : error.retryAfter * 1000,
  }
}

export function leaveAlone(
  { runtime: { ports }, hints }: Remembered,
  flight: string,
  { milliseconds, code }: CoolDown,
): void {
  const rest: BackOff = { since: currentInstant(ports.clock), milliseconds, code }
  if (code !== null) hints.failed = longerFailure(ports, hints.failed, rest)
  const before = hints.quiet?.flight === flight ? hints.quiet : undefined
  hints.quiet = { flight, ...longerFailure(ports, before, rest) }
}

/** Ends the cool-down: the source has answered. */
export function endCoolDown({ hints }: Remembered): void {
  hints.failed = undefined
}

/** A failure stands until its end, whatever is learned meanwhile for a shorter time. */
function longerFailure(ports: Ports, before: BackOff | undefined, rest: BackOff): BackOff {
  return before && before.code !== null && leftMs(ports, before) > rest.milliseconds ? before : rest
}

const leftMs = ({ clock }: Ports, { since, milliseconds }: BackOff): number =>
  milliseconds - passedSince(clock, since)

/** What this process knows of a flight that it leaves alone now. */
export function quietFlight({ runtime, hints }: Remembered, flight: string): FieldHints['quiet'] {
  const { quiet } = hints
  return quiet?.flight === flight && leftMs(runtime.ports, quiet) > 0 ? quiet : undefined
}

/** The code of the error with which the source of a field has failed lately, in any flight. */
export function failedSource({ runtime, hints }: Remembered): string | null {
  const { failed } = hints
  return failed && leftMs(runtime.ports, failed) > 0 ? failed.code : null
}

/** The error of a read that does not ask the source again. */
export function coolingError(
  { runtime, config }: Pick<FieldContext, 'runtime' | 'config'>,
  code: string,
): Error {
  runtime.ports.emit({ type: 'source.cooling', field: config.name, code })
  return code === 'SOURCE_UNFINISHED' ? sourceUnfinished(config.name, null) : sourceCooling(config.name, code)
}
