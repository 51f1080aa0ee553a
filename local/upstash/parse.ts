import type { Argument, Command, CommandError, RestRequest } from './types'

function parseArgument(value: unknown): string | CommandError {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === null) return { error: 'ERR null args are not supported' }
  return { error: `ERR unsupported arg type: ${Array.isArray(value) ? 'array' : 'object'}` }
}

function toCommand(args: readonly Argument[]): Command | CommandError {
  const [name, ...rest] = args
  return name === undefined || name.length === 0 ? { error: 'ERR empty command' } : [name.toString(), ...rest]
}

function parseArray(values: readonly unknown[]): Command | CommandError {
  const args: string[] = []
  for (const value of values) {
    const argument = parseArgument(value)
    if (typeof argument !== 'string') return argument
    args.push(argument)
  }
  return toCommand(args)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The command a JSON array stands for; numbers and booleans become the text they have in JSON. */
export function parseCommandBody(body: Buffer): Command | CommandError {
  const value = parseJson(body)
  return Array.isArray(value) ? parseArray(value) : { error: 'ERR failed to parse command' }
}

/** The commands of a two-dimensional JSON array; a bad one is an error in its place, a bad whole is one error. */
export function parseBatchBody(body: Buffer): (Command | CommandError)[] | CommandError {
  const value = parseJson(body)
  if (!Array.isArray(value) || !value.every((item) => Array.isArray(item))) {
    return { error: 'ERR failed to parse pipeline request' }
  }
  return value.length === 0 ? { error: 'ERR empty pipeline request' } : value.map(parseArray)
}

/** The command of a path: its segments, then the body of a POST or PUT, then the query (`?EX=100`, `?NX`). */
export function parsePath({ method, path, query, body }: RestRequest): Command | CommandError {
  const args: Argument[] = []
  try {
    args.push(...path.slice(1).split('/').map(decodeURIComponent))
  } catch {
    return { error: 'ERR failed to parse command' }
  }
  if ((method === 'POST' || method === 'PUT') && body.length > 0) args.push(body)
  for (const [name, value] of query) {
    if (name !== '_token') args.push(name, ...(value === '' ? [] : [value]))
  }
  return toCommand(args)
}
