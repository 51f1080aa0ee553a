/**
 * The environment is read when needed, never at import: `next build` evaluates every module without credentials. Each
 * part parses its own variables; boot parses all and reports all problems at once.
 */
import { z } from 'zod'
import { configInvalid, hasCode } from './errors'

export type Env = Readonly<Record<string, string | undefined>>

/** `NAME=` in a .env file means unset. */
const unsetIfEmpty = (value: unknown) => (value === '' ? undefined : value)

export const optionalText = z.preprocess(unsetIfEmpty, z.string().optional())

/** A credential that fits into a header: without invisible characters that were copied along. */
export const text = (name: string, what: string) =>
  z.preprocess(
    unsetIfEmpty,
    z.string({ error: `${name} is not set: ${what}` }).regex(/^[\x21-\x7e]+$/, {
      error: `${name} holds white space or an invisible character: copy it again`,
    }),
  )

/** A URL without credentials and without the slash at its end. */
export const httpUrl = (name: string) =>
  z
    .string()
    .refine(isPlainHttpUrl, {
      error: `${name} is not a usable URL: it starts with https:// (http:// for a local server) and holds no user, no password, no query and no fragment`,
    })
    .transform((url) => url.replace(/\/+$/, ''))

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text) || /\s/.test(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '')
}

/** A whole number from `min` to `max`: outside of them the unit is wrong. */
export const wholeNumber = (name: string, unit: string, fallback: number, max: number, min = 1) =>
  z.preprocess(
    unsetIfEmpty,
    z
      .string({ error: `${name} is not a number` })
      .regex(/^\d{1,9}$/, { error: `${name} is not a whole number: give ${unit}, such as ${fallback}` })
      .default(String(fallback))
      .transform(Number)
      .refine((value) => value > 0 || min === 0, { error: `${name} must be greater than 0 (${unit})` })
      .refine((value) => value === 0 || value >= min, { error: `${name} is ${min} ${unit} at least` })
      .refine((value) => value <= max, { error: `${name} is ${max} ${unit} at most` }),
  )

export const onOff = (name: string, fallback: boolean) =>
  z.preprocess(
    (value) => (value === undefined || value === '' ? String(fallback) : value),
    z
      .enum(['true', 'false'], { error: `${name} is neither true nor false` })
      .transform((value) => value === 'true'),
  )

export function parseEnv<T>(schema: z.ZodType<T>, env: Env): T {
  const result = schema.safeParse(env)
  if (result.success) return result.data
  throw configInvalid(result.error.issues.map(({ message }) => message))
}

/** Each problem once. Rethrows errors that are not CONFIG_INVALID. */
export function configProblems(parts: readonly (() => unknown)[]): string[] {
  const problems = parts.flatMap((part) => {
    try {
      part()
      return []
    } catch (error) {
      if (!hasCode(error, 'CONFIG_INVALID')) throw error
      return error.message.split('\n  - ').slice(1)
    }
  })
  return [...new Set(problems)]
}
