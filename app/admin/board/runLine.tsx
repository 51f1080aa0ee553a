import type { FieldRow } from '@/lib/admin/fieldRow'
import { ago, describeOutcome, duration } from '@/lib/admin/format'

/** How long an outcome is shown, in ms. */
const SHOWN_MS = 3_600_000

interface Props {
  field: FieldRow
  /** When the data was read, ms since 1970. */
  at: number
}

/** The refresh that is running, or the outcome of the last refresh by hand. */
export function RunLine({ field: { name, run, lastFailure, status, fetching }, at }: Props) {
  if (run?.state === 'running') {
    const progress = run.progress === null ? '' : `, so far ${run.progress}`
    const since = duration((at - run.startedAt) / 1000)
    return <Working name={name}>{`Fetching from the source for ${since}${progress}…`}</Working>
  }
  if (fetching) return <Working name={name}>A server fetches it for a reader…</Working>
  if (!run || at - run.startedAt > SHOWN_MS) return null
  // The card shows the failure in full.
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
