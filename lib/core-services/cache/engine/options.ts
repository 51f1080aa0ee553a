/** Options of `set`, as Redis knows them. */
import { optionsInvalid } from './errors'
import type { Argument } from './send'

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

/** A bare number is a ttl in seconds. Throws OPTIONS_INVALID for what Redis would refuse or misread. */
export function setArguments(options: number | CacheOptions = {}): Argument[] {
  const given: CacheOptions = typeof options === 'number' ? { ex: options } : options
  const expiries = EXPIRIES.filter((name) => given[name] !== undefined)
  if (expiries.length + (given.keepTtl ? 1 : 0) > 1) throw optionsInvalid('more than one expiry is given')
  if (given.nx && given.xx) throw optionsInvalid('nx and xx exclude each other')
  const args: Argument[] = []
  for (const name of expiries) args.push(name.toUpperCase(), wholeNumber(name, given[name]))
  if (given.keepTtl) args.push('KEEPTTL')
  if (given.nx) args.push('NX')
  if (given.xx) args.push('XX')
  if (given.get) args.push('GET')
  return args
}

export function wholeNumber(name: string, value: number | undefined): number {
  if (value === undefined || !Number.isSafeInteger(value) || value <= 0) {
    throw optionsInvalid(`${name} is ${value}, not a positive whole number`)
  }
  return value
}
