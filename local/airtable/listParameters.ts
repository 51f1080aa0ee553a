import { z } from 'zod'

const MAX_PAGE_SIZE = 100

// Strict, so that a parameter this server does not know (filterByFormula, say) is refused instead of ignored: an
// unfiltered list would look like a right answer. `method`, `timeZone` and `userLocale` change nothing here.
const schema = z.strictObject({
  pageSize: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(MAX_PAGE_SIZE),
  maxRecords: z.coerce.number().int().min(1).optional(),
  offset: z.string().optional(),
  view: z.string().optional(),
  fields: z.array(z.string()).optional(),
  sort: z
    .array(z.strictObject({ field: z.string(), direction: z.enum(['asc', 'desc']).default('asc') }))
    .default([]),
  cellFormat: z.literal('json').optional(),
  method: z.unknown().optional(),
  timeZone: z.unknown().optional(),
  userLocale: z.unknown().optional(),
})

/** The parameters of a list request, checked and with their defaults. */
export type ListParameters = z.output<typeof schema>

/** Collects `fields[]`, `sort[0][field]` and plain parameters; empty values count as not given. */
export function readQuery(query: URLSearchParams): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  const fields: string[] = []
  const sort = new Map<number, Record<string, string>>()
  for (const [name, value] of query) {
    const sortPart = /^sort\[(\d+)\]\[(\w+)\]$/.exec(name)
    if (value === '') continue
    if (/^fields\[\d*\]$/.test(name)) fields.push(value)
    else if (sortPart) {
      const [, index, key] = sortPart
      sort.set(Number(index), { ...sort.get(Number(index)), [String(key)]: value })
    } else plain[name] = value
  }
  if (fields.length > 0) plain.fields = fields
  if (sort.size > 0) plain.sort = [...sort].sort(([a], [b]) => a - b).map(([, entry]) => entry)
  return plain
}

/** Checks parameters wherever they came from; `problem` says what is wrong in one line. */
export function parseListParameters(raw: unknown): { value: ListParameters } | { problem: string } {
  const result = schema.safeParse(raw)
  if (result.success) return { value: result.data }
  return {
    problem: result.error.issues
      .map((issue) =>
        issue.code === 'unrecognized_keys'
          ? `this local server does not support ${issue.keys.join(', ')}`
          : `${issue.path.join('.')}: ${issue.message}`,
      )
      .join('; '),
  }
}
