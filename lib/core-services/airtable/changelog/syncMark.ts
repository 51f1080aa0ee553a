import { MOST_NOTE_CHARACTERS } from '../../cache/fields/fieldConfig'

/** How far a value has read the log of changes. Stored with the value, under these field names. */
export interface SyncMark {
  /** The webhook whose log it is (ach…). */
  hook: string
  /** The first payload whose changes the value may lack. */
  cursor: number
  /** When the log was read up to there, in ms since 1970. */
  at: number
  /** See `buildShape`. */
  shape: string
  records: number
  /** Records that may have been read too old, with the time of their first read, in ms since 1970. */
  pending: Readonly<Record<string, number>>
  /** Records that are current although a read may still show them older, with the time of their announcement. */
  shown?: Readonly<Record<string, number>>
  /** Whether a sync has written the value and invalidated what is derived from it. */
  followed?: boolean
  /** Replaces `pending` and `shown` when a note cannot hold them: any record may be pending since this time. */
  anyPending?: number
}

type Times = Readonly<Record<string, number>>

export const isPending = ({ pending, anyPending }: SyncMark): boolean =>
  anyPending !== undefined || Object.keys(pending).length > 0

export function fitMark(mark: SyncMark): SyncMark {
  if (encoded(mark).length <= MOST_NOTE_CHARACTERS) return mark
  const { shown, ...rest } = mark
  const times = [...Object.values(mark.pending), ...Object.values(shown ?? {})]
  return { ...rest, pending: {}, anyPending: Math.max(mark.anyPending ?? 0, ...times) }
}

export const encodeMark = (mark: SyncMark): string => encoded(fitMark(mark))

/** Groups the records by time, because many records of a delta share one. */
function encoded({ pending, shown, ...rest }: SyncMark): string {
  return JSON.stringify({
    ...rest,
    pending: byTime(pending),
    ...(shown === undefined ? {} : { shown: byTime(shown) }),
  })
}

function byTime(times: Times): [at: number, ids: string][] {
  const groups = new Map<number, string[]>()
  for (const [id, at] of Object.entries(times)) groups.set(at, [...(groups.get(at) ?? []), id])
  return [...groups].map(([at, ids]) => [at, ids.join(' ')])
}

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

function parseTimes(groups: unknown): Times | null {
  if (!Array.isArray(groups)) return null
  const times: Record<string, number> = {}
  for (const [at, ids] of groups) {
    if (typeof at !== 'number' || typeof ids !== 'string') return null
    for (const id of ids.split(' ')) times[id] = at
  }
  return times
}
