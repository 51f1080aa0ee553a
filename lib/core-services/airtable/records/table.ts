/** A table that fields read, the tags of what is made of it, and a position in its log of changes. */
import type { AirtableTable } from '../airtableConfig'

export interface TableSource {
  /** The name in tags and events: lower-case words joined by hyphens. */
  name: string
  /** Reads the ids from the environment. Called when something is fetched, not before. */
  locate(): AirtableTable
  /**
   * Shortest time between the beginnings of two syncs of its changes, in whole seconds, 60 at most. Pings that come sooner
   * are synced together once it is over; none is lost. A webhook of several tables uses the shortest of theirs.
   * @default 0: each ping is synced at once
   */
  syncEvery?: number
}

/** A position in the log of a webhook from which changes may be missing in a value. */
export interface LogPosition {
  /** The webhook whose log it is (ach…). */
  hook: string
  /** The number of the next payload. */
  cursor: number
  /** Records whose changes before `cursor` may be missing, too, each with the time of its first read, in ms since 1970. */
  pending?: Readonly<Record<string, number>>
}

/** The tag of all fields that read a table. */
export const tableTag = ({ name }: TableSource): string => `airtable:${name}`

/** The tag of values made from such fields, or from the table in other ways. It is invalidated after each change. */
export const changeTag = ({ name }: TableSource): string => `airtable:${name}:changed`

/** Whether a table is given by its id. Webhooks know no names. */
export const isTableId = (text: string): boolean => /^tbl\w+$/.test(text)
