/** The fields of an app over one source, with times so short that a fault outlasts them. */
import { z } from 'zod'
import { peopleTable } from '@/lib/core-services/airtable/airtableConfig'
import { defineFields, type FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'
import { serviceRegistry } from '@/lib/core-services/service-registry'
import { ADMIN_FIELD, CHANGE_TAG, LEASED_FIELD, PUBLIC_FIELD, VERSION_COLUMN } from '../names'

const schema = z.object({ version: z.int().positive(), text: z.string() })

const fetcher: FieldCacheConfig<z.infer<typeof schema>>['fetcher'] = async ({ signal }) => {
  const { baseId, tableId } = peopleTable()
  const airtable = await serviceRegistry.getService('airtable')
  const columns = [VERSION_COLUMN, 'Text']
  const [record] = await airtable.fetchRecords(baseId, tableId, { fields: columns, signal })
  return { version: Number(record?.fields[VERSION_COLUMN]), text: String(record?.fields.Text) }
}

defineFields([
  { ...PUBLIC_FIELD, access: 'public', tags: [CHANGE_TAG], schema, fetcher },
  { ...ADMIN_FIELD, tags: [CHANGE_TAG], schema, fetcher },
  { ...LEASED_FIELD, schema, fetcher },
])
