import type { FieldRow } from '@/lib/admin/fieldRow'
import { ago, describeOutcome, duration } from '@/lib/admin/format'

/** How long an outcome is of interest, in ms. */
const TOLD_MS = 3_600_000

interface Props {
  field: FieldRow
  /** When this was found out; wall clock, ms. */
  at: number
}

/** Who fetches the field just now, or what became of the last refresh by hand. */
export function RunLine({ field: { name, run, lastFailure, status, fetching }, at }: Props) {
  if (run?.state === 'running') {
    const progress = run.progress === null ? '' : `, so far ${run.progress}`
    const since = duration((at - run.startedAt) / 1000)
    return <Working name={name}>{`Asking the source since ${since}${progress}…`}</Working>
  }
  if (fetching) return <Working name={name}>A server fetches it for a reader…</Working>
  if (!run || at - run.startedAt > TOLD_MS) return null
  // Told at length by the card.
  if (status === 'failing' && run.state !== 'cut-off') return null
  return (
    <p className="run">
      {describeOutcome(name, run, lastFailure)}{' '}
      <span className="quiet">{ago(run.endedAt ?? run.startedAt, at)}</span>
    </p>
  )
}

function Working({ name, children }: { name: string; children: string }) {
  return (
    <p className="run">
      <progress aria-label={`Refreshing ${name}`} /> {children}
    </p>
  )
}
