import type { FieldRow } from '@/lib/admin/fieldRow'
import { describeAge } from '@/lib/admin/format'

const WIDTH = 100

/** The age of a value as a share of its ttl, as a bar and in words. */
export function AgeBar({ field }: { field: FieldRow }) {
  return (
    <div className="age">
      <svg className="bar" viewBox={`0 0 ${WIDTH} 1`} preserveAspectRatio="none" aria-hidden="true">
        <rect className="track" width={WIDTH} height="1" />
        <rect className="used" data-status={field.status} width={usedWidth(field)} height="1" />
      </svg>
      <p>{describeAge(field)}</p>
    </div>
  )
}

function usedWidth({ age, freshFor }: FieldRow): number {
  if (age === null || freshFor === null) return 0
  if (freshFor <= 0) return WIDTH
  // A new value shows a little of the bar, too.
  return Math.max(1, Math.round((WIDTH * age) / (age + freshFor)))
}
