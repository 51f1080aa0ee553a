import { z } from 'zod'
import { fail } from '../errors'
import { check } from '../parameters'
import type { Table, ViewData } from '../tables/table'

const SOURCES = [
  'client',
  'publicApi',
  'formSubmission',
  'formPageSubmission',
  'automation',
  'system',
  'sync',
  'anonymousUser',
  'unknown',
] as const

const ids = z.array(z.string()).optional()

// Strict, so that an unknown key is refused instead of ignored.
const webhookRequest = z.strictObject({
  notificationUrl: z.url({ protocol: /^https?$/ }).nullish(),
  specification: z.strictObject({
    options: z.strictObject({
      filters: z.strictObject({
        dataTypes: z.array(z.enum(['tableData', 'tableFields', 'tableMetadata'])).min(1),
        recordChangeScope: z.string().optional(),
        changeTypes: z.array(z.enum(['add', 'remove', 'update'])).optional(),
        fromSources: z.array(z.enum(SOURCES)).optional(),
        watchDataInFieldIds: ids,
        watchSchemasOfFieldIds: ids,
      }),
      includes: z
        .strictObject({
          includeCellValuesInFieldIds: z.union([z.literal('all'), ids]),
          includePreviousCellValues: z.boolean().optional(),
          includePreviousFieldDefinitions: z.boolean().optional(),
        })
        .optional(),
    }),
  }),
})

export type Specification = z.infer<typeof webhookRequest>['specification']

/** Undefined when the webhook does not watch the table. */
export function resolveScope(
  { options }: Specification,
  table: Table,
): { readonly view?: ViewData | undefined } | undefined {
  const { recordChangeScope: scope } = options.filters
  if (scope === undefined || scope === table.id) return {}
  const view = table.views.find(({ id }) => id === scope)
  return view && { view }
}

/** Refuses a request that does not name tables, views and fields by id. */
export function readWebhookRequest(raw: unknown, tables: readonly Table[]) {
  const request = check(webhookRequest, raw)
  const { filters, includes = {} } = request.specification.options
  const { includeCellValuesInFieldIds: included = [] } = includes
  const fields = new Set(tables.flatMap((table) => table.fields.map(({ id }) => id)))
  const named = [
    ...(filters.watchDataInFieldIds ?? []),
    ...(filters.watchSchemasOfFieldIds ?? []),
    ...(included === 'all' ? [] : included),
  ]
  const unknown = tables.some((table) => resolveScope(request.specification, table))
    ? named.find((id) => !fields.has(id))
    : filters.recordChangeScope
  if (unknown !== undefined) fail(422, 'INVALID_REQUEST_UNKNOWN', `Local server: there is no ${unknown}`)
  return request
}
