import { MOST_NOTE_CHARACTERS } from '../../cache/fields/fieldConfig'

/**
 * What is kept beside a value about the log of changes that it is to be brought up to date from. It is part of the
 * entry, so a value and how far its log was read are written together or not at all.
 */
export interface SyncMark {
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
  /** True for a value that a change has brought: what is made of it was told then. */
  followed?: boolean
  /**
   * In the place of `pending` and `shown` where they are more than a note can hold: any record may be pending, since this
   * time at the latest, in ms since 1970.
   */
  anyPending?: number
}

type Times = Readonly<Record<string, number>>

/** Whether something has to be looked at once more. */
export const isPending = ({ pending, anyPending }: SyncMark): boolean =>
  anyPending !== undefined || Object.keys(pending).length > 0

/** As much of it as a note can hold. */
export function fitMark(mark: SyncMark): SyncMark {
  if (encoded(mark).length <= MOST_NOTE_CHARACTERS) return mark
  const { shown, ...rest } = mark
  const times = [...Object.values(mark.pending), ...Object.values(shown ?? {})]
  return { ...rest, pending: {}, anyPending: Math.max(mark.anyPending ?? 0, ...times) }
}

export const encodeMark = (mark: SyncMark): string => encoded(fitMark(mark))

/** Records of the same time share it: a delta touches many at once. */
function encoded({ pending, shown, ...rest }: SyncMark): string {
  const seen = shown === undefined ? {} : { shown: byTime(shown) }
  return JSON.stringify({ ...rest, pending: byTime(pending), ...seen })
}

function byTime(times: Times): [at: number, ids: string][] {
  const groups = new Map<number, string[]>()
  for (const [id, at] of Object.entries(times)) groups.set(at, [...(groups.get(at) ?? []), id])
  return [...groups].map(([at, ids]) => [at, ids.join(' ')])
}

/** Null for whatever is not one: then only reading everything will do. */
export function decodeMark(note: string | undefined): SyncMark | null {
  if (note === undefined) return null
  try {
    const { pending, shown, ...rest } = Object(JSON.parse(note)) as Record<keyof SyncMark, unknown>
    const times = {
      pending: parseTimes(pending),
      ...(shown === undefined ? {} : { shown: parseTimes(shown) }),
    }
    const mark = { ...rest, ...times }
    return isMark(mark) ? mark : null
  } catch {
    return null
  }
}

type Read = Partial<Record<keyof SyncMark, unknown>>

function isMark(mark: Read): mark is Read & SyncMark {
  const { hook, cursor, at, shape, records, pending, shown = {}, followed = false, anyPending = 0 } = mark
  return (
    typeof hook === 'string' &&
    typeof shape === 'string' &&
    typeof followed === 'boolean' &&
    [cursor, at, records, anyPending].every((number) => typeof number === 'number') &&
    pending !== null &&
    shown !== null
  )
}

/** Null for what is no list of times with the records that share each. */
function parseTimes(groups: unknown): Times | null {
  if (!Array.isArray(groups)) return null
  const times: Record<string, number> = {}
  for (const [at, ids] of groups) {
    if (typeof at !== 'number' || typeof ids !== 'string') return null
    for (const id of ids.split(' ')) times[id] = at
  }
  return times
}
