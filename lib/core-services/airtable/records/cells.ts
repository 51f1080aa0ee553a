/**
 * Reads cells of records. Cells with an error count as empty. For a cell of another type these helpers throw, which
 * affects that record alone unless most records of the view are like that.
 */
import { firstVisible, isObject } from '../../../shared/text'
import { airtableCellUnexpected } from '../client/airtableErrors'
import type { AirtableRecord } from './page'

type Cells = AirtableRecord['fields']

/** Returns a trimmed text; '' for an empty cell and for a text without visible characters. */
export function textCell(fields: Cells, column: string): string {
  const cell = fields[column]
  if (cell === undefined) return ''
  if (typeof cell === 'string') return firstVisible(cell) === '' ? '' : cell.trim()
  throw airtableCellUnexpected(column, 'text')
}

/**
 * Returns undefined for an empty cell.
 * @public For fields that are added to this app.
 */
export function numberCell(fields: Cells, column: string): number | undefined {
  const cell = fields[column]
  if (cell === undefined || typeof cell === 'number') return cell
  throw airtableCellUnexpected(column, 'numbers')
}

/**
 * Reads a lookup or a multiple choice; [] for an empty cell.
 * @public For fields that are added to this app.
 */
export function textsCell(fields: Cells, column: string): string[] {
  const cell = fields[column] ?? []
  if (Array.isArray(cell) && cell.every((text) => typeof text === 'string')) return cell
  throw airtableCellUnexpected(column, 'lists of texts')
}

/**
 * Whether a formula, rollup or AI column holds an error instead of a value: `{ error: '#ERROR!' }`,
 * `{ specialValue: 'NaN' }`, or `{ errorType: … }`.
 */
export function isErrorCell(cell: unknown): boolean {
  if (!isObject(cell)) return false
  return [cell.error, cell.specialValue, cell.errorType].some((text) => typeof text === 'string')
}

export interface Cleaned {
  record: AirtableRecord
  /** The number of cells that hold an error, alone or in the list of a lookup. */
  errors: number
}

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
