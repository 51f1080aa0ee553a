import type { ClaimableRecords } from '../coordination/records'
import type { EntryHeader } from '../entry/entry'
import type { FieldRuntime } from '../fields/fieldRuntime'
import type { EntryHeaders } from '../fields/store/entryHeaders'

export interface WatchRuntime extends FieldRuntime {
  sharedRecords(): Promise<ClaimableRecords>
  entryHeaders(): Promise<EntryHeaders>
  /** Redacts secrets from an error message. The message may come from the source. */
  clean(text: string): string
  /** By the name of their slot. */
  seen: Map<string, RememberedEntry>
  /** By subject; of this process. */
  runs: Map<string, RecordedRun>
}

export interface RememberedEntry {
  /** The key exists, readable or not. */
  present: boolean
  header: EntryHeader | null
  bytes: number
  /** Monotonic, ms. */
  at: number
  /** Known once its tokens are. */
  lease: string | undefined
}

/** Times are wall clock, ms. */
export interface RecordedRun {
  startedAt: number
  /** Null while it runs. */
  endedAt: number | null
  /** A run without news by then was interrupted with its process. */
  until: number
}
