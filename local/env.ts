import { createRequire } from 'node:module'

/** Environment variables as Node gives them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The value of a variable; a blank one counts as unset, as copied example files are full of them. */
export function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** A number of milliseconds from a variable, or `fallback`; throws a one-line error for anything else. */
export function readMilliseconds(env: Environment, name: string, fallback: number): number {
  const value = read(env, name)
  if (value === undefined) return fallback
  if (/^\d{1,6}$/.test(value)) return Number(value)
  throw new Error(`${name} is "${value}"; expected a number of milliseconds`)
}

/**
 * Variables that only make sense together: all of them as they stand, undefined when none is set. A part of them is a
 * mistake somebody wants to hear of before the app starts: throws an error that names what is missing.
 */
export function readTogether(env: Environment, names: readonly string[]): Record<string, string> | undefined {
  const present = names.filter((name) => read(env, name) !== undefined)
  if (present.length === 0) return undefined
  if (present.length === names.length) return Object.fromEntries(names.map((name) => [name, env[name] ?? '']))
  const missing = names.filter((name) => !present.includes(name))
  throw new Error(
    `${present.join(' and ')} is set but ${missing.join(' and ')} is not: set all of them, or none for a local server`,
  )
}

/** The part of @next/env that is used here. */
interface EnvLoader {
  loadEnvConfig(directory: string, dev: boolean): { combinedEnv: Environment }
}

/**
 * The process's environment completed by the .env files of `directory`, with the precedence that `next dev` gives them,
 * or `next start` with `dev` off.
 * The loader also writes into process.env; hand a child that reads the files itself a copy taken before.
 */
export function loadEnv(directory: string, dev = true): Environment {
  // Next's own copy of its loader, found from where Next is, so that the two can never disagree.
  const requireFromNext = createRequire(createRequire(import.meta.url).resolve('next/package.json'))
  const { loadEnvConfig } = requireFromNext('@next/env') as EnvLoader
  return loadEnvConfig(directory, dev).combinedEnv
}
