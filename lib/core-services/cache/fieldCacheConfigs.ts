/** The fields. To cache something new, add it here and to the list at the end. */
import { z } from 'zod'
import { peopleTable } from '../airtable/airtableConfig'
import { airtableList, airtableValue, type TableSource } from '../airtable/airtableField'
import { textCell } from '../airtable/records/cells'
import { defineFields, type FieldCacheConfig } from './fields/fieldConfig'

/** @public */
export type { FieldCacheConfig }

const people: TableSource = { name: 'people', locate: peopleTable }
const SALES_AGENTS_VIEW = 'Agentes de venta'

const agentSchema = z.object({ id: z.string(), name: z.string().min(1) })
export type Agent = z.infer<typeof agentSchema>

const byName = new Intl.Collator('es')

export const agentsCacheConfig = airtableList<Agent>({
  name: 'agents',
  key: 'agents_list',
  ttl: 21_600,
  access: 'public',
  anonymousForce: 60,
  schema: z.array(agentSchema),
  table: people,
  view: SALES_AGENTS_VIEW,
  columns: ['Nombre'],
  item({ id, fields }) {
    const name = textCell(fields, 'Nombre')
    return name === '' || name === 'N/A' ? null : { id, name }
  },
  order: (one, other) => byName.compare(one.name, other.name),
})

/** Like z.record, which drops a state called `__proto__`. */
const countsSchema = z.custom<Record<string, number>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((count) => Number.isInteger(count) && count > 0),
  { error: 'expected whole numbers above 0 by state' },
)
const headcountSchema = z.object({ total: z.int().nonnegative(), byState: countsSchema })
export type Headcount = z.infer<typeof headcountSchema>

export const headcountCacheConfig = airtableValue<Headcount>({
  name: 'headcount',
  key: 'headcount_by_state',
  ttl: 86_400,
  schema: headcountSchema,
  table: people,
  view: SALES_AGENTS_VIEW,
  columns: ['Estado'],
  value(records) {
    const byState = new Map<string, number>()
    for (const { fields } of records) {
      const state = textCell(fields, 'Estado') || 'unknown'
      byState.set(state, (byState.get(state) ?? 0) + 1)
    }
    return { total: records.length, byState: Object.fromEntries(byState) }
  },
})

export const fields = defineFields([agentsCacheConfig, headcountCacheConfig])
