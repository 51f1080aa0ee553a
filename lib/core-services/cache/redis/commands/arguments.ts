/** Arguments that JSON or Redis would change without a word: NaN would be sent as null. */
import { describeValue } from '../../../../shared/text'
import { hashFieldInvalid, optionsInvalid } from '../../errors'
import { halfProblem } from './keySpace'

/** Throws OPTIONS_INVALID for what is no index of a list. Negative ones count from its end. */
export function listIndex(name: string, index: number): number {
  if (Number.isSafeInteger(index)) return index
  throw optionsInvalid(
    `${name} is ${describeValue(index)}, not a whole number`,
    'Give start and stop as whole numbers: 0 is the first item, -1 the last.',
  )
}

/** Throws KEY_INVALID for what is no field of a hash. */
export function hashField(field: string): string {
  const problem = Number.isNaN(field) ? 'it is NaN' : halfProblem(field)
  if (problem !== undefined) throw hashFieldInvalid(field, problem)
  return field
}
