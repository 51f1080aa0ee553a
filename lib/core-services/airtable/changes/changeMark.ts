/**
 * What is kept beside a value about the log of changes that it is to be brought up to date from. It is part of the
 * entry, so a value and how far its log was read are written together or not at all.
 */
export interface ChangeMark {
  /** The webhook whose log it is (ach…). */
  hook: string
  /** The first payload that the value may not have. */
  cursor: number
  /** When the log was read up to there, in ms since 1970. */
  at: number
  /** Tells the declaration that the value was made by: another one makes other items. */
  shape: string
  /** How many records the view had. */
  records: number
  /** Records that Airtable's reads may not have shown as they are, with when they were first read, in ms since 1970. */
  pending: Readonly<Record<string, number>>
  /**
   * Records that are known as they are, though what is read may show them older still, with when they were announced, in
   * ms since 1970.
   */
  shown?: Readonly<Record<string, number>>
}

export const encodeMark = (mark: ChangeMark): string => JSON.stringify(mark)

/** Null for whatever is not one: then only reading everything will do. */
export function decodeMark(note: string | undefined): ChangeMark | null {
  if (note === undefined) return null
  try {
    const mark = Object(JSON.parse(note)) as Record<keyof ChangeMark, unknown>
    return isMark(mark) ? mark : null
  } catch {
    return null
  }
}

function isMark(
  mark: Record<keyof ChangeMark, unknown>,
): mark is Record<keyof ChangeMark, unknown> & ChangeMark {
  const { hook, cursor, at, shape, records, pending, shown = {} } = mark
  return (
    typeof hook === 'string' &&
    typeof shape === 'string' &&
    [cursor, at, records].every((number) => typeof number === 'number') &&
    [pending, shown].every(isTimes)
  )
}

function isTimes(times: unknown): boolean {
  return (
    typeof times === 'object' &&
    times !== null &&
    Object.values(times).every((since) => typeof since === 'number')
  )
}
