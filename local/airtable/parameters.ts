import { z } from 'zod'
import { fail } from './errors'

const returnFieldsByFieldId = z.union([z.boolean(), z.stringbool()]).default(false)
const sorting = z.strictObject({ field: z.string(), direction: z.enum(['asc', 'desc']).default('asc') })
const cells = z.record(z.string(), z.unknown())

// All strict, because an answer that ignores an unknown parameter only looks right.

export const getParameters = z.strictObject({
  cellFormat: z.literal('json').optional(),
  returnFieldsByFieldId,
})

export const listParameters = getParameters.extend({
  pageSize: z.coerce.number().int().min(1).max(100).default(100),
  maxRecords: z.coerce.number().int().min(1).optional(),
  offset: z.string().optional(),
  view: z.string().optional(),
  fields: z.array(z.string()).optional(),
  sort: z.array(sorting).default([]),
  filterByFormula: z.string().optional(),
  recordMetadata: z.array(z.literal('commentCount')).default([]),
  method: z.unknown().optional(),
  timeZone: z.unknown().optional(),
  userLocale: z.unknown().optional(),
})

/** Values are stored unchanged, so `typecast` has no effect. */
export const writeParameters = z.strictObject({
  fields: cells.optional(),
  records: z.unknown().optional(),
  typecast: z.boolean().optional(),
  returnFieldsByFieldId,
})

const written = z.strictObject({ id: z.string().optional(), fields: cells })

/** Records to change have an `id`, new ones have none. */
export const writeBatch = z.array(written).min(1).max(10)
export const deletedIds = z.array(z.string()).min(1).max(10)

/** Refuses the request for invalid parameters. */
export function check<T>(schema: z.ZodType<T>, raw: unknown): T {
  const { success, data, error } = schema.safeParse(raw)
  if (success) return data
  const vendor = 'Invalid request: parameter validation failed. Check your request data.'
  return fail(422, 'INVALID_REQUEST_UNKNOWN', `${vendor} Local server: ${z.prettifyError(error)}`)
}

/** Parses `fields[]`, `sort[0][field]` and plain parameters. Empty values count as not given. */
export function readQuery(query: URLSearchParams): Record<string, unknown> {
  const read = new Map<string, unknown>()
  for (const [name, value] of query) {
    const [, list, index, key] = /^(\w+)\[(\d{0,2})\](?:\[(\w+)\])?$/.exec(name) ?? []
    const items = [read.get(list ?? '') ?? []].flat()
    if (key === undefined) items.push(value)
    else items[Number(index)] = { ...Object(items[Number(index)]), [key]: value }
    if (value !== '') read.set(list ?? name, list === undefined ? value : items)
  }
  return Object.fromEntries(read)
}
