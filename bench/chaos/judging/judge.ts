/** Compares a run with the freshness contract. Counts decide; times are only reported. */
import { isAcknowledged, type Sample } from '../load'
import type { Phase, RunRecord } from '../run'
import { allowedCalls } from './allowedCalls'
import { oldValues } from './oldValues'

export interface Row {
  readonly fault: string
  readonly seconds: number
  readonly reads: number
  readonly failedReads: number
  readonly degraded: number
  /** Reads that were older than an acknowledged refresh or invalidation allows, and hits past their ttl. */
  readonly oldValues: number
  /** Refreshes and invalidations that were not acknowledged, by reason. */
  readonly refused: Readonly<Record<string, number>>
  /** The slowest read during the fault minus the median of the calm phase before, in ms. */
  readonly worstExtraMs: number
  readonly slowest: string
  readonly upstream: number
  readonly allowedUpstream: number
  /** From the end of the fault until every server answered every field with a hit, in ms; null for never. */
  readonly recoveryMs: number | null
}

export interface Verdict {
  readonly rows: readonly Row[]
  readonly calm: Row
  readonly problems: readonly string[]
}

export function judge(record: RunRecord): Verdict {
  const old = oldValues(record.samples, record.edits)
  const phases = record.phases.map((phase) => ({ phase, samples: selectSamples(phase, record.samples) }))
  const judged = phases.map(({ phase, samples }, index) => {
    const usualMs = medianRead(phases[index - 1]?.samples ?? [])
    const allowed = allowedCalls(phase, record.samples, record.servers, record.output.refreshes)
    const row = buildRow(phase, samples, old, usualMs, allowed)
    return { phase, row, problems: findProblems(row, phase, samples, old) }
  })
  const faulty = judged.filter(({ phase }) => phase.fault !== undefined)
  const calm = judged.filter(({ phase }) => phase.fault === undefined)
  return {
    rows: faulty.map(({ row }) => row),
    calm: addRows(calm.map(({ row }) => row)),
    problems: [...judged.flatMap(({ problems }) => problems), ...outputProblems(record)],
  }
}

/** A request that was sent before a fault and answered in it belongs to the fault. */
function selectSamples({ fault, from, to }: Phase, samples: readonly Sample[]): readonly Sample[] {
  return fault === undefined
    ? samples.filter(({ sentAt, doneAt }) => sentAt >= from && doneAt < to)
    : samples.filter(({ sentAt, doneAt }) => doneAt >= from && sentAt < to)
}

const isRead = ({ operation, cut }: Sample): boolean => operation === 'read' && !cut
const getDuration = ({ sentAt, doneAt }: Sample): number => doneAt - sentAt
const isFailed = (sample: Sample): boolean => isRead(sample) && sample.status !== 200

function buildRow(
  phase: Phase,
  samples: readonly Sample[],
  old: ReadonlySet<Sample>,
  usualMs: number,
  allowedUpstream: number,
): Row {
  const reads = samples.filter(isRead)
  const slowest = reads.reduce<Sample | undefined>(
    (most, read) => (most === undefined || getDuration(read) > getDuration(most) ? read : most),
    undefined,
  )
  const refused = samples.filter(
    (sample) => sample.operation !== 'read' && !sample.cut && !isAcknowledged(sample),
  )
  return {
    fault: phase.fault ?? 'calm',
    seconds: (phase.to - phase.from) / 1_000,
    reads: reads.length,
    failedReads: reads.filter(isFailed).length,
    degraded: reads.filter(({ cache }) => cache === 'degraded').length,
    oldValues: samples.filter((sample) => old.has(sample)).length,
    refused: countBy(refused.map(({ failure, status }) => failure ?? `HTTP ${status}`)),
    worstExtraMs: slowest === undefined ? 0 : Math.max(0, getDuration(slowest) - usualMs),
    slowest: slowest === undefined ? '' : describe(slowest, phase),
    upstream: phase.upstream,
    allowedUpstream,
    recoveryMs: phase.recoveredAt === null ? null : phase.recoveredAt - phase.endedAt,
  }
}

function findProblems(
  row: Row,
  phase: Phase,
  samples: readonly Sample[],
  old: ReadonlySet<Sample>,
): string[] {
  const describeProblem = (what: string, examples: readonly Sample[] = []): string =>
    [`${row.fault}: ${what}`, ...examples.slice(0, 3).map((sample) => describe(sample, phase))].join('\n    ')
  const isOld = (sample: Sample): boolean => old.has(sample)
  return [
    ...(row.failedReads > 0
      ? [describeProblem(`${row.failedReads} failed reads`, samples.filter(isFailed))]
      : []),
    ...(row.oldValues > 0 ? [describeProblem(`${row.oldValues} old values`, samples.filter(isOld))] : []),
    ...(row.upstream > row.allowedUpstream
      ? [describeProblem(`${row.upstream} calls of the source, ${row.allowedUpstream} allowed`)]
      : []),
    ...(row.recoveryMs === null ? [describeProblem('not every server answered hits again')] : []),
    ...(phase.lost.length > 0 ? [describeProblem(`no longer stored: ${phase.lost.join(', ')}`)] : []),
  ]
}

function describe(sample: Sample, { from }: Phase): string {
  const { server, operation, field, status, cache, version, failure, sentAt } = sample
  const shown = version === null ? undefined : `version ${version}`
  const facts = [status, cache, shown, failure].filter((fact) => fact !== null && fact !== undefined)
  const times = `sent at ${Math.round(sentAt - from)} ms, answered after ${Math.round(getDuration(sample))} ms`
  return `server ${server}, ${operation} ${field}: ${facts.join(' ')} (${times})`
}

function outputProblems({ output, phases }: RunRecord): string[] {
  const killed = phases.some(({ fault }) => fault === 'lease holder killed')
  const { strange, leaking, ended, leasedFetches } = output
  return [
    ...(strange.length > 0 ? [`printed no event:\n    ${strange.slice(0, 10).join('\n    ')}`] : []),
    ...(leaking.length > 0 ? [`a secret in the output of ${leaking.join(', ')}`] : []),
    ...(ended.length > 0 ? [`ended by itself: ${ended.join(', ')}`] : []),
    ...(killed && leasedFetches !== 1
      ? [`${leasedFetches} fetches replaced that of the killed lease holder, not 1`]
      : []),
  ]
}

function medianRead(samples: readonly Sample[]): number {
  const times = samples.filter(isRead).map(getDuration)
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function addRows(rows: readonly Row[]): Row {
  const sum = (count: (row: Row) => number): number => rows.reduce((total, row) => total + count(row), 0)
  return {
    fault: 'calm',
    seconds: sum(({ seconds }) => seconds),
    reads: sum(({ reads }) => reads),
    failedReads: sum(({ failedReads }) => failedReads),
    degraded: sum(({ degraded }) => degraded),
    oldValues: sum((row) => row.oldValues),
    refused: countBy(
      rows.flatMap(({ refused }) => Object.entries(refused).flatMap(([name, n]) => Array(n).fill(name))),
    ),
    worstExtraMs: Math.max(0, ...rows.map(({ worstExtraMs }) => worstExtraMs)),
    slowest: '',
    upstream: sum(({ upstream }) => upstream),
    allowedUpstream: sum(({ allowedUpstream }) => allowedUpstream),
    recoveryMs: 0,
  }
}
