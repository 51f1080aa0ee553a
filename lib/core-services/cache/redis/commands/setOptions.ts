/** Options of `set`, as Redis knows them. */

import { secondsProblem } from '../../../../shared/durations'
import { describeValue } from '../../../../shared/text'
import { optionsInvalid } from '../../errors'
import type { Argument } from '../pipeline'

/** Expiry: `ex` seconds, `px` ms, `exat` s and `pxat` ms since 1970, or `keepTtl`; one at most. */
export interface CacheOptions {
  ex?: number
  px?: number
  exat?: number
  pxat?: number
  /** Keep the expiry that the key has. */
  keepTtl?: boolean
  /** Only if the key does not exist. */
  nx?: boolean
  /** Only if the key exists. */
  xx?: boolean
  /** Answer the old value, null if there was none. */
  get?: boolean
}

const EXPIRIES = ['ex', 'px', 'exat', 'pxat'] as const

/** In the year 5138 in s, and in 1973 in ms: what lies on the wrong side of it is of the other unit. */
const SECONDS_OR_MS = 100_000_000_000

/** A bare number is a ttl in seconds. Throws OPTIONS_INVALID for what Redis would refuse or misread. */
export function setArguments(options: number | CacheOptions = {}): Argument[] {
  if (
    typeof options !== 'number' &&
    (typeof options !== 'object' || options === null || Array.isArray(options))
  )
    throw optionsInvalid(`they are ${describeValue(options)}, no number of seconds and no object`)
  const given: CacheOptions = typeof options === 'number' ? { ex: options } : options
  const expiries = EXPIRIES.filter((name) => given[name] !== undefined)
  if (expiries.length + (given.keepTtl ? 1 : 0) > 1) throw optionsInvalid('more than one expiry is given')
  if (given.nx && given.xx) throw optionsInvalid('nx and xx exclude each other')
  const args: Argument[] = []
  for (const name of expiries) args.push(name.toUpperCase(), toExpiry(name, given[name]))
  if (given.keepTtl) args.push('KEEPTTL')
  if (given.nx) args.push('NX')
  if (given.xx) args.push('XX')
  if (given.get) args.push('GET')
  return args
}

function toExpiry(name: (typeof EXPIRIES)[number], value: number | undefined): number {
  const number = wholeNumber(name, value)
  if (name === 'ex') return wholeSeconds(name, number)
  if (name === 'px') {
    wholeSeconds(name, Math.ceil(number / 1000))
    return number
  }
  if (name === 'exat' && number >= SECONDS_OR_MS)
    throw optionsInvalid(`exat is ${number}, which is no time in seconds since 1970: pxat takes ms`)
  if (name === 'pxat' && number < SECONDS_OR_MS)
    throw optionsInvalid(`pxat is ${number}, which is no time in ms since 1970: exat takes seconds`)
  return number
}

/** Throws OPTIONS_INVALID for what is no positive whole number of seconds, or more than a century of them. */
export function wholeSeconds(name: string, seconds: number): number {
  const problem = secondsProblem(name, wholeNumber(name, seconds))
  if (problem !== undefined) throw optionsInvalid(problem)
  return seconds
}

function wholeNumber(name: string, value: number | undefined): number {
  if (value === undefined || !Number.isSafeInteger(value) || value <= 0) {
    throw optionsInvalid(`${name} is ${describeValue(value)}, not a positive whole number`)
  }
  return value
}
