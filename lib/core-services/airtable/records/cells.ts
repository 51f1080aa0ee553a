/**
 * Reads cells of records. Airtable leaves out empty cells, and a computed column can hold an error instead of a value: to
 * `item` and `value` of a field such a cell is empty, too. A cell of another kind means that the column was changed; these
 * helpers throw then, which concerns that record alone, unless most records of the view are like that.
 */
import { firstVisible } from '../../../shared/text'
import { airtableCellUnexpected } from '../client/airtableErrors'
import type { AirtableRecord } from './page'

type Cells = AirtableRecord['fields']

/** A text without white space around it; '' for an empty cell, and for a text that shows nothing. */
export function textCell(fields: Cells, column: string): string {
  const cell = fields[column]
  if (cell === undefined) return ''
  if (typeof cell === 'string') return firstVisible(cell) === '' ? '' : cell.trim()
  throw airtableCellUnexpected(column, 'text')
}

/**
 * A number; undefined for an empty cell.
 * @public For those who add fields.
 */
export function numberCell(fields: Cells, column: string): number | undefined {
  const cell = fields[column]
  if (cell === undefined || typeof cell === 'number') return cell
  throw airtableCellUnexpected(column, 'numbers')
}

/**
 * The texts of a lookup or of a choice of several; [] for an empty cell.
 * @public For those who add fields.
 */
export function textsCell(fields: Cells, column: string): string[] {
  const cell = fields[column] ?? []
  if (Array.isArray(cell) && cell.every((text) => typeof text === 'string')) return cell
  throw airtableCellUnexpected(column, 'lists of texts')
}

/**
 * What a formula, rollup or AI column holds instead of a value: `{ error: '#ERROR!' }`, `{ specialValue: 'NaN' }`, or what
 * kept it from being generated.
 */
export function isErrorCell(cell: unknown): boolean {
  if (typeof cell !== 'object' || cell === null) return false
  return (
    ('error' in cell && typeof cell.error === 'string') ||
    ('specialValue' in cell && typeof cell.specialValue === 'string') ||
    ('errorType' in cell && typeof cell.errorType === 'string')
  )
}

export interface Cleaned {
  record: AirtableRecord
  /** How many cells hold an error, alone or in the list of a lookup. */
  errors: number
}

/** A record as if cells with errors were empty: left out, as Airtable leaves out what is empty. */
export function withoutErrors(record: AirtableRecord): Cleaned {
  const cells = Object.entries(record.fields)
  if (!cells.some(([, cell]) => holdsError(cell))) return { record, errors: 0 }
  let errors = 0
  const kept = cells.flatMap(([column, cell]): [string, unknown][] => {
    if (!holdsError(cell)) return [[column, cell]]
    errors += 1
    const rest = Array.isArray(cell) ? cell.filter((one) => !isErrorCell(one)) : []
    return rest.length === 0 ? [] : [[column, rest]]
  })
  return { record: { ...record, fields: Object.fromEntries(kept) }, errors }
}

const holdsError = (cell: unknown): boolean =>
  Array.isArray(cell) ? cell.some(isErrorCell) : isErrorCell(cell)
