import type { AirtableTable } from '../airtableConfig'

export interface TableSource {
  /** Used in tags and events: lower-case words joined by hyphens. */
  name: string
  /** Reads the ids from the environment, at the first fetch and not before. */
  locate(): AirtableTable
  /**
   * Shortest time between the beginnings of two syncs, in whole seconds, 60 at most. Pings that come sooner are synced
   * together when it is over. A webhook of several tables uses the shortest of theirs.
   * @default 0, which syncs each ping at once
   */
  syncEvery?: number
}

/** A position in the log of a webhook, from which a value may lack changes. */
export interface LogPosition {
  /** The webhook (ach…). */
  hook: string
  cursor: number
  /** Records that may lack changes before `cursor`, too, with the time of their first read, in ms since 1970. */
  pending?: Readonly<Record<string, number>>
}

export const tableTag = ({ name }: TableSource): string => `airtable:${name}`

/** The tag of values that are derived from the table. Invalidated after each change. */
export const changeTag = ({ name }: TableSource): string => `airtable:${name}:changed`

/** Webhooks know no table names. */
export const isTableId = (text: string): boolean => /^tbl\w+$/.test(text)
