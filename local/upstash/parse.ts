import type { Argument, Command } from '../engine/connection'
import { refuse } from './errors'
import type { RestRequest } from './rest'

function toArgument(value: unknown): Argument {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === null) return refuse('ERR null args are not supported')
  return refuse(`ERR unsupported arg type: ${Array.isArray(value) ? 'array' : 'object'}`)
}

/** Numbers and booleans become their text in JSON. */
export function toCommand(value: unknown): Command {
  if (!Array.isArray(value)) return refuse('ERR failed to parse command')
  const [name = '', ...args] = value.map(toArgument)
  return name.length === 0 ? refuse('ERR empty command') : [name.toString(), ...args]
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Parses a two-dimensional JSON array, and returns its entries unchanged. */
export function parseBatch(body: Buffer): unknown[] {
  const value = parseJson(body)
  if (!Array.isArray(value) || !value.every((entry) => Array.isArray(entry))) {
    return refuse('ERR failed to parse pipeline request')
  }
  return value.length === 0 ? refuse('ERR empty pipeline request') : value
}

/** Parses the command in a path: its segments, then the body of a POST or PUT, then the query (`?EX=100`, `?NX`). */
export function parsePath({ method, path, query, body }: RestRequest): Argument[] {
  const args: Argument[] = []
  try {
    args.push(...path.slice(1).split('/').map(decodeURIComponent))
  } catch {
    refuse('ERR failed to parse command')
  }
  if ((method === 'POST' || method === 'PUT') && body.length > 0) args.push(body)
  for (const [name, value] of query) {
    if (name !== '_token') args.push(name, ...(value === '' ? [] : [value]))
  }
  return args
}
