/**
 * Notes of refreshes that somebody began by hand: what is under way and what came of it, readable by every instance, so
 * that nobody has to stay for the outcome. Without Redis they are those of this process.
 */
import { isRedisFailure } from './engine/errors'
import type { Inspection } from './engine/inspection'
import type { WatchRuntime } from './fieldRuntime'

/** Times are wall clock, ms. */
export interface NotedRun {
  startedAt: number
  /** Null while it runs. */
  endedAt: number | null
  /** A run that has not ended by then was cut off with the process that did it. */
  until: number
}

export interface RunFailure {
  /** Of the error, or of its cause where that knows more. */
  code: string
  message: string
  hint: string | null
}

export interface FieldRun extends NotedRun {
  /** `unstored`: the source answered, but Redis did not keep it. Null while it runs. */
  outcome: 'refreshed' | 'unstored' | 'failed' | null
  failure: RunFailure | null
  /** How long the source took; null as long as that is not known. */
  durationMs: number | null
  /** How many items a list has; null for every other value. */
  items: number | null
}

export interface AllRun extends NotedRun {
  /** The fields in the order in which they are refreshed. */
  names: string[]
  /** `busy`: it was being refreshed already; `left`: there was no time for it. */
  outcomes: Record<string, NonNullable<FieldRun['outcome']> | 'busy' | 'left'>
  /** The one that is refreshed now. */
  current: string | null
}

/** A kind of notes and its counterpart, which stands only while something is under way. */
const KINDS = { field: ['refresh', 'refreshing'], all: ['refresh-all', 'refreshing-all'] } as const
interface OneField {
  kind: 'field'
  key: string
}
interface AllFields {
  kind: 'all'
}
type Subject = OneField | AllFields

export const ALL: AllFields = { kind: 'all' }
export const ofField = (key: string): OneField => ({ kind: 'field', key })

/** How long an outcome is told, in s. */
const KEPT_SECONDS = 86_400

const subjectName = (subject: Subject): string => (subject.kind === 'field' ? subject.key : 'all')

export function noteName(inspection: Inspection, subject: Subject): string {
  return inspection.noteName(KINDS[subject.kind][0], subjectName(subject))
}

function claimName(inspection: Inspection, subject: Subject): string {
  return inspection.noteName(KINDS[subject.kind][1], subjectName(subject))
}

const memoryName = (subject: Subject) => `${subject.kind} ${subjectName(subject)}`

/** False when such a run is under way, in whatever instance. Without Redis only those of this process are known. */
export async function beginRun<T extends NotedRun>(
  runtime: WatchRuntime,
  subject: Subject,
  run: T,
): Promise<boolean> {
  const name = memoryName(subject)
  const before = runtime.runs.get(name)
  if (before && isUnderWay(before, runtime.ports.clock.now())) return false
  runtime.runs.set(name, run)
  const seconds = Math.ceil((run.until - run.startedAt) / 1000)
  const claimed = await unlessRedisFails(runtime, true, async (inspection) => {
    const free = await inspection.claimNote(claimName(inspection, subject), '1', seconds)
    if (free) await inspection.putNote(noteName(inspection, subject), JSON.stringify(run), KEPT_SECONDS)
    return free
  })
  if (!claimed && before) runtime.runs.set(name, before)
  if (!claimed && !before) runtime.runs.delete(name)
  return claimed
}

/** Tells how far it is; with `endedAt` another one may begin. */
export async function noteRun<T extends NotedRun>(
  runtime: WatchRuntime,
  subject: Subject,
  run: T,
): Promise<void> {
  runtime.runs.set(memoryName(subject), run)
  await unlessRedisFails(runtime, undefined, async (inspection) => {
    await inspection.putNote(noteName(inspection, subject), JSON.stringify(run), KEPT_SECONDS)
    if (run.endedAt !== null) await inspection.dropNote(claimName(inspection, subject))
  })
}

/** The last run; `text` is what Redis holds, if it could be asked. Of two the one that began later. */
export function lastRun(runtime: WatchRuntime, subject: OneField, text: string | null): FieldRun | null
export function lastRun(runtime: WatchRuntime, subject: AllFields, text: string | null): AllRun | null
export function lastRun(runtime: WatchRuntime, subject: Subject, text: string | null): NotedRun | null {
  const own = runtime.runs.get(memoryName(subject)) ?? null
  const shared = text === null ? null : (JSON.parse(text) as NotedRun)
  if (!own || !shared) return own ?? shared
  if (own.startedAt !== shared.startedAt) return own.startedAt > shared.startedAt ? own : shared
  return own
}

export function isUnderWay({ endedAt, until }: NotedRun, now: number): boolean {
  return endedAt === null && now < until
}

async function unlessRedisFails<T>(
  runtime: WatchRuntime,
  fallback: T,
  ask: (inspection: Inspection) => Promise<T>,
): Promise<T> {
  try {
    return await ask(await runtime.inspection())
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return fallback
  }
}
