import type { RowStatus } from '@/lib/admin/fieldRow'
import { STATUS_LABELS } from '@/lib/admin/format'

/** A shape for each status, for people who cannot tell the colours apart. The label is next to it. */
const SHAPES: Record<RowStatus, string> = {
  fresh: 'M5 10.5 8.5 14 15 6.5',
  stale: 'M10 5v5l3.5 2.5',
  expired: 'M6 6l8 8M14 6l-8 8',
  'never-fetched': 'M6 10h8',
  failing: 'M10 4.5v7M10 14.5v.5',
  refreshing: 'M14.3 7.6A5 5 0 1 0 15 10.4M14.6 4.6v3.2h-3.2',
  unknown: 'M7.5 8a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.5M10 14.5v.5',
}

export function StatusMark({ status }: { status: RowStatus }) {
  return (
    <svg className="mark" data-status={status} viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="10" />
      <path d={SHAPES[status]} />
    </svg>
  )
}

export function StatusPill({ status }: { status: RowStatus }) {
  return (
    <span className="pill" data-status={status}>
      <StatusMark status={status} />
      {STATUS_LABELS[status]}
    </span>
  )
}
