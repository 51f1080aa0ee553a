/** What the admin page and refreshes by hand need from the process. */
import type { ClaimableRecords } from '../coordination/records'
import type { EntryHeader } from '../entry/entry'
import type { FieldRuntime } from '../fields/fieldRuntime'
import type { EntryHeaders } from '../fields/store/entryHeaders'

export interface WatchRuntime extends FieldRuntime {
  /** Rejects as `store` does. */
  sharedRecords(): Promise<ClaimableRecords>
  /** Rejects as `store` does. */
  entryHeaders(): Promise<EntryHeaders>
  /** Redacts secrets from an error message. The message may come from the source. */
  clean(text: string): string
  /** Headers that this process has read, by the name of their slot. */
  seen: Map<string, SeenEntry>
  /** The last refreshes by hand that this process has started, by subject. */
  runs: Map<string, NotedRun>
}

/** Never the value. */
export interface SeenEntry {
  /** The key exists, readable or not. */
  present: boolean
  header: EntryHeader | null
  bytes: number
  /** When it was read; monotonic, ms. */
  at: number
  /** The lease of the fetch that would replace it, when its tokens are known. */
  lease: string | undefined
}

/** Times are wall clock, ms. */
export interface NotedRun {
  startedAt: number
  /** Null while it runs. */
  endedAt: number | null
  /** A run without news by then was interrupted with its process. */
  until: number
}
