/** Records of refreshes started by hand, readable by every instance. Without Redis: those of this process. */

import type { ClaimableRecords } from '../coordination/records'
import { isRedisFailure } from '../errors'
import type { RecordedRun, WatchRuntime } from './watchRuntime'

export interface RunFailure {
  code: string
  message: string
  hint: string | null
}

export interface GoodRun {
  /** Wall clock, ms. */
  at: number
  durationMs: number | null
  items: number | null
  bytes: number | null
}

export interface FieldRun extends RecordedRun {
  /** The last successful run before it, as far as this process knows. */
  before: GoodRun | null
  /** Null until the first part has ended. */
  progress: string | null
  /** `unstored`: the source answered, but Redis did not store it. Null while it runs. */
  outcome: 'refreshed' | 'unstored' | 'failed' | null
  failure: RunFailure | null
  /** Of the source; null while unknown. */
  durationMs: number | null
  /** Null for a value that is not a list. */
  items: number | null
  bytes: number | null
}

export interface AllRun extends RecordedRun {
  names: string[]
  /** `busy`: a refresh was already running; `left`: there was no time for it. */
  outcomes: Record<string, NonNullable<FieldRun['outcome']> | 'busy' | 'left'>
  current: string | null
}

interface OneField {
  kind: 'field'
  key: string
}
interface AllFields {
  kind: 'all'
}
type Subject = OneField | AllFields

export const ALL: AllFields = { kind: 'all' }
export const toFieldSubject = (key: string): OneField => ({ kind: 'field', key })

/** In s. */
const KEPT_SECONDS = 86_400

const KIND = 'refresh'
const CLAIM_KIND = 'refreshing'
const nameFor = (subject: Subject): string => (subject.kind === 'field' ? `key:${subject.key}` : 'all')

export function recordName(notes: ClaimableRecords, subject: Subject): string {
  return notes.physicalName(KIND, nameFor(subject))
}

/** False when such a run is active in any instance. Without Redis only those of this process are known. */
export async function beginRun<T extends RecordedRun>(
  runtime: WatchRuntime,
  subject: Subject,
  run: T,
): Promise<boolean> {
  const name = nameFor(subject)
  const before = runtime.runs.get(name)
  if (before && isUnderWay(before, runtime.ports.clock.now())) return false
  runtime.runs.set(name, run)
  let claimed = false
  try {
    claimed = await unlessRedisFails(runtime, true, async (notes) => {
      const free = await notes.claim(CLAIM_KIND, name, 1, claimSeconds(runtime, run))
      if (free) await notes.write(KIND, name, run, KEPT_SECONDS)
      return free
    })
  } finally {
    // Also after a control-flow error: no run has started.
    if (!claimed && before) runtime.runs.set(name, before)
    if (!claimed && !before) runtime.runs.delete(name)
  }
  return claimed
}

/** Records the progress, and that the run continues until `until`. With `endedAt` another one may start. */
export async function recordRun<T extends RecordedRun>(
  runtime: WatchRuntime,
  subject: Subject,
  run: T,
): Promise<void> {
  const name = nameFor(subject)
  runtime.runs.set(name, run)
  await unlessRedisFails(runtime, undefined, async (notes) => {
    await notes.write(KIND, name, run, KEPT_SECONDS)
    if (run.endedAt !== null) await notes.remove(CLAIM_KIND, name)
    else await notes.write(CLAIM_KIND, name, 1, claimSeconds(runtime, run))
  })
}

function claimSeconds({ ports }: WatchRuntime, { until }: RecordedRun): number {
  return Math.max(1, Math.ceil((until - ports.clock.now()) / 1000))
}

/** The last run: of this process or, in `text`, of Redis, whichever started later. */
export function lastRun(runtime: WatchRuntime, subject: OneField, text: string | null): FieldRun | null
export function lastRun(runtime: WatchRuntime, subject: AllFields, text: string | null): AllRun | null
export function lastRun(runtime: WatchRuntime, subject: Subject, text: string | null): RecordedRun | null {
  const own = runtime.runs.get(nameFor(subject)) ?? null
  const shared = text === null ? null : (JSON.parse(text) as RecordedRun)
  if (!own || !shared) return own ?? shared
  if (own.startedAt !== shared.startedAt) return own.startedAt > shared.startedAt ? own : shared
  return own
}

/** Fields that the last refresh of all did not reach, for lack of time or because it was interrupted. One command. */
export async function leftOfLastRun(runtime: WatchRuntime): Promise<ReadonlySet<string>> {
  const shared = await unlessRedisFails(runtime, null, async (notes) => {
    const [run] = await notes.read<AllRun>(KIND, [nameFor(ALL)])
    return run ?? null
  })
  const last = shared ?? lastRun(runtime, ALL, null)
  return new Set(last?.names.filter((name) => (last.outcomes[name] ?? 'left') === 'left'))
}

export function toGoodRun({ outcome, endedAt, durationMs, items, bytes }: FieldRun): GoodRun | null {
  return outcome === 'refreshed' && endedAt !== null ? { at: endedAt, durationMs, items, bytes } : null
}

export function isUnderWay({ endedAt, until }: RecordedRun, now: number): boolean {
  return endedAt === null && now < until
}

async function unlessRedisFails<T>(
  runtime: WatchRuntime,
  fallback: T,
  ask: (notes: ClaimableRecords) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await runtime.sharedRecords())
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return fallback
  }
}
