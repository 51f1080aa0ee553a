/** Leaves a failing source alone in this process, whether Redis passes that on to other instances or not. */

import { currentInstant, passedSince } from '../../../../shared/clock'
import { type CodedError, isCodedError } from '../../../../shared/errors'
import type { Ports } from '../../../../shared/ports'
import { sourceCooling, sourceUnfinished } from '../../errors'
import type { FieldContext } from '../fieldContext'
import type { FieldRuntime } from '../fieldRuntime'
import type { BackOff, FieldHints } from '../memory/fieldHints'

/** How long a failing source is left alone unless its error says otherwise, in ms. */
const COOL_DOWN_MS = 5_000

export interface HintedField {
  readonly runtime: FieldRuntime
  readonly hints: FieldHints
}

export interface CoolDown {
  milliseconds: number
  /** The error of the source; null if another instance fetches. */
  code: string | null
}

export function coolDownAfter(error: CodedError): CoolDown & { code: string } {
  return {
    code: isCodedError(error.cause) ? error.cause.code : error.code,
    milliseconds: error.retryAfter === undefined ? COOL_DOWN_MS : error.retryAfter * 1000,
  }
}

export function leaveAlone(
  { runtime: { ports }, hints }: HintedField,
  flight: string,
  { milliseconds, code }: CoolDown,
): void {
  const backOff: BackOff = { since: currentInstant(ports.clock), milliseconds, code }
  if (code !== null) hints.failed = longerFailure(ports, hints.failed, backOff)
  const before = hints.quiet?.flight === flight ? hints.quiet : undefined
  hints.quiet = { flight, ...longerFailure(ports, before, backOff) }
}

export function endCoolDown({ hints }: HintedField): void {
  hints.failed = undefined
}

/** Keeps a failure until its end, unless the next back-off ends later. */
function longerFailure(ports: Ports, before: BackOff | undefined, next: BackOff): BackOff {
  return before && before.code !== null && leftMs(ports, before) > next.milliseconds ? before : next
}

const leftMs = ({ clock }: Ports, { since, milliseconds }: BackOff): number =>
  milliseconds - passedSince(clock, since)

export function quietFlight({ runtime, hints }: HintedField, flight: string): FieldHints['quiet'] {
  const { quiet } = hints
  return quiet?.flight === flight && leftMs(runtime.ports, quiet) > 0 ? quiet : undefined
}

/** The code of the last failure, in whichever flight; null once its cool-down is over. */
export function failedSource({ runtime, hints }: HintedField): string | null {
  const { failed } = hints
  return failed && leftMs(runtime.ports, failed) > 0 ? failed.code : null
}

export function coolingError(
  { runtime, config }: Pick<FieldContext, 'runtime' | 'config'>,
  code: string,
): Error {
  runtime.ports.emit({ type: 'source.cooling', field: config.name, code })
  return code === 'SOURCE_UNFINISHED' ? sourceUnfinished(config.name, null) : sourceCooling(config.name, code)
}
