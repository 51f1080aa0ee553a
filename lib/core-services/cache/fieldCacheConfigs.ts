/** The fields. To cache something new, add an entry here and to the list at the end: that is all. */
import { z } from 'zod'
import { peopleTable } from '../../config/airtableConfig'
import { serviceRegistry } from '../service-registry'
import { defineFields, type FetchContext, type FieldCacheConfig } from './engine/fieldConfig'

export type { FieldCacheConfig }

const SALES_AGENTS_VIEW = 'Agentes de venta'

const agentSchema = z.object({ id: z.string(), name: z.string().min(1) })
export type Agent = z.infer<typeof agentSchema>

/** The sales agents, sorted by name. */
export const agentsCacheConfig: FieldCacheConfig<Agent[]> = {
  name: 'agents',
  key: 'agents_list',
  ttl: 21_600,
  access: 'public',
  anonymousForce: 60,
  refreshEvery: 10_800,
  schema: z.array(agentSchema),
  fetcher: async (context) => {
    const people = await fetchSalesPeople(['Nombre'], context)
    const byName = new Intl.Collator('es')
    return people
      .map(({ id, fields }) => ({ id, name: textOf('Nombre', fields.Nombre) }))
      .filter(({ name }) => name !== '' && name !== 'N/A')
      .sort((a, b) => byName.compare(a.name, b.name))
  },
}

const headcountSchema = z.object({
  total: z.int().nonnegative(),
  byState: z.record(z.string(), z.int().positive()),
})
export type Headcount = z.infer<typeof headcountSchema>

/** How many people work in sales, in all and in each state. */
export const headcountCacheConfig: FieldCacheConfig<Headcount> = {
  name: 'headcount',
  key: 'headcount_by_state',
  ttl: 86_400,
  refreshEvery: 43_200,
  schema: headcountSchema,
  fetcher: async (context) => {
    const people = await fetchSalesPeople(['Estado'], context)
    const byState = new Map<string, number>()
    for (const { fields } of people) {
      const state = textOf('Estado', fields.Estado) || 'unknown'
      byState.set(state, (byState.get(state) ?? 0) + 1)
    }
    return { total: people.length, byState: Object.fromEntries(byState) }
  },
}

export const fields = defineFields([agentsCacheConfig, headcountCacheConfig])

async function fetchSalesPeople(columns: readonly string[], { signal }: FetchContext) {
  const { baseId, tableId } = peopleTable()
  const airtable = await serviceRegistry.getService('airtable')
  return airtable.fetchRecords(baseId, tableId, { view: SALES_AGENTS_VIEW, fields: columns, signal })
}

/** An empty cell is absent; one of another kind means that the column has changed, and is no reason to drop the row. */
function textOf(column: string, cell: unknown): string {
  if (cell === undefined) return ''
  if (typeof cell === 'string') return cell.trim()
  throw new Error(`the column "${column}" no longer holds text`)
}
