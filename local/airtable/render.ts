import type { RecordData } from './types'

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === '' ||
    value === false ||
    (Array.isArray(value) && value.length === 0)
  )
}

/** A record as the API answers it: empty cells are left out, and so is every field that was not asked for. */
export function renderRecord(record: RecordData, wanted?: ReadonlySet<string>): RecordData {
  const cells = Object.entries(record.fields).filter(
    ([name, value]) => !isEmpty(value) && (wanted?.has(name) ?? true),
  )
  return { id: record.id, createdTime: record.createdTime, fields: Object.fromEntries(cells) }
}
