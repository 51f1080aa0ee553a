import type { Row, Verdict } from './judging/judge'

const COLUMNS: readonly (readonly [title: string, cell: (row: Row) => string])[] = [
  ['fault', ({ fault }) => fault],
  ['seconds', ({ seconds }) => seconds.toFixed(1)],
  ['reads', ({ reads }) => String(reads)],
  ['failed', ({ failedReads }) => String(failedReads)],
  ['old', ({ oldValues }) => String(oldValues)],
  ['degraded', ({ degraded }) => String(degraded)],
  ['worst, ms more', ({ worstExtraMs }) => worstExtraMs.toFixed(0)],
  ['source calls', ({ upstream, allowedUpstream }) => `${upstream} of ${allowedUpstream}`],
  ['recovery, ms', ({ recoveryMs }) => (recoveryMs === null ? 'never' : recoveryMs.toFixed(0))],
  [
    'refused',
    ({ refused }) =>
      Object.entries(refused)
        .map(([reason, n]) => `${n} ${reason}`)
        .join(', '),
  ],
]

export function formatTable({ rows, calm, problems }: Verdict): string {
  const cells = [
    COLUMNS.map(([title]) => title),
    ...[...rows, calm].map((row) => COLUMNS.map(([, cell]) => cell(row))),
  ]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  const lines = cells.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  return [
    ...lines,
    '',
    problems.length === 0 ? 'No problems.' : `Problems:\n  ${problems.join('\n  ')}`,
  ].join('\n')
}
