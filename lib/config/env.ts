/**
 * The environment, read when it is needed and never at import: `next build` evaluates every module without
 * credentials. A part of the app parses only its own variables; boot parses all and reports all problems at once.
 */
import { z } from 'zod'
import { configInvalid, hasCode } from '../core-services/cache/engine/errors'

export type Env = Readonly<Record<string, string | undefined>>

/** An empty variable counts as unset: that is what `NAME=` in a .env file means. */
const unsetIfEmpty = (value: unknown) => (value === '' ? undefined : value)

export const optionalText = z.preprocess(unsetIfEmpty, z.string().optional())

/** Text without the white space that comes along when a secret is copied. */
export const text = (name: string, what: string) =>
  z.preprocess(
    unsetIfEmpty,
    z
      .string({ error: `${name} is not set: ${what}` })
      .regex(/^\S(.*\S)?$/, { error: `${name} begins or ends with white space: copy it again` }),
  )

export const httpUrl = (name: string) =>
  z.string().regex(/^https?:\/\/[^\s#$./?].\S*$/, {
    error: `${name} is not a URL: it starts with https:// (or http:// for a local server)`,
  })

/** A positive whole number with a default. */
export const wholeNumber = (name: string, unit: string, fallback: number) =>
  z.preprocess(
    unsetIfEmpty,
    z.coerce
      .number({ error: `${name} is not a number: give ${unit}, such as ${fallback}` })
      .int({ error: `${name} is not a whole number of ${unit}` })
      .positive({ error: `${name} must be greater than 0 (${unit})` })
      .default(fallback),
  )

export const onOff = (name: string, fallback: boolean) =>
  z.preprocess(
    (value) => (value === undefined || value === '' ? String(fallback) : value),
    z
      .enum(['true', 'false'], { error: `${name} is neither true nor false` })
      .transform((value) => value === 'true'),
  )

/** Throws CONFIG_INVALID with every problem of this part. */
export function parseEnv<T>(schema: z.ZodType<T>, env: Env): T {
  const result = schema.safeParse(env)
  if (result.success) return result.data
  throw configInvalid(result.error.issues.map(({ message }) => message))
}

/** The problems that the parts report, each once. Rethrows whatever is not about configuration. */
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
