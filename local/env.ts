import { createRequire } from 'node:module'

export type Environment = Readonly<Record<string, string | undefined>>

/** A blank value counts as unset, because copied example files contain many. */
export function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** In ms. Throws a one-line error for a value that is not a number. */
export function readMilliseconds(env: Environment, name: string, fallback: number): number {
  const value = read(env, name)
  if (value === undefined) return fallback
  if (/^\d{1,6}$/.test(value)) return Number(value)
  throw new Error(`${name} is "${value}"; expected a number of milliseconds`)
}

/**
 * Reads variables that are only valid together. Undefined when none is set. Throws an error that names the missing ones
 * when only some are set.
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

interface EnvLoader {
  loadEnvConfig(directory: string, dev: boolean): { combinedEnv: Environment }
}

/**
 * Reads the .env files of `directory` as `next dev` does, or as `next start` with `dev` off. The loader also changes
 * process.env, so copy it first for a child that reads the files itself.
 */
export function loadEnv(directory: string, dev = true): Environment {
  // The loader that Next itself uses, so that both always agree.
  const requireFromNext = createRequire(createRequire(import.meta.url).resolve('next/package.json'))
  const { loadEnvConfig } = requireFromNext('@next/env') as EnvLoader
  return loadEnvConfig(directory, dev).combinedEnv
}
