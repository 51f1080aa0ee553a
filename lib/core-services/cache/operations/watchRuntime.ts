/** What the admin page and refreshes by hand need from the process, and what it remembers for them. */
import type { ClaimableRecords } from '../coordination/records'
import type { EntryHeader } from '../entry/entry'
import type { FieldRuntime } from '../fields/fieldRuntime'
import type { EntryHeaders } from '../fields/store/entryHeaders'

/** What watches the fields and keeps notes of what was begun by hand. */
export interface WatchRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  sharedRecords(): Promise<ClaimableRecords>
  /** Rejects as `store` does. */
  entryHeaders(): Promise<EntryHeaders>
  /** Takes out of the words of an error what may not be shown: they can be those of a source. */
  clean(text: string): string
  /** What this process remembers of entries that it looked at, by the name of their place. */
  seen: Map<string, SeenEntry>
  /** The last refreshes by hand that this process has begun, by what they are for. */
  runs: Map<string, NotedRun>
}

/** What is remembered of an entry: the values themselves are never kept. */
export interface SeenEntry {
  /** Something stands there, whether it can be read or not. */
  present: boolean
  header: EntryHeader | null
  bytes: number
  /** When it was looked at; monotonic, ms. */
  at: number
  /** The lease under which it would be replaced, as far as the tokens are known. */
  lease: string | undefined
}

/** Times are wall clock, ms. */
export interface NotedRun {
  startedAt: number
  /** Null while it runs. */
  endedAt: number | null
  /** A run of which nothing was heard by then was cut off with the process that did it. */
  until: number
}
