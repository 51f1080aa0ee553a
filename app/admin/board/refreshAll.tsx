'use client'

import { useActionState, useEffect } from 'react'
import { ago, describeRefreshAll } from '@/lib/admin/format'
import type { AllRow } from '@/lib/admin/overview'
import { refreshAllFields } from '../actions'

interface Props {
  all: AllRow | null
  at: number
  onAnswer(): void
}

export function RefreshAll({ all, at, onAnswer }: Props) {
  const [answer, submit, pending] = useActionState(refreshAllFields, null)
  useEffect(() => {
    if (answer) onAnswer()
  }, [answer, onAnswer])
  const busy = pending || all?.state === 'running'
  return (
    <form
      action={submit}
      onSubmit={(event) => {
        if (busy) event.preventDefault()
      }}
    >
      <button type="submit" className="strong" aria-disabled={busy}>
        {busy ? 'Refreshing all…' : 'Refresh all'}
      </button>
      {all && at - all.startedAt < 3_600_000 ? (
        <p className="run">
          {all.state === 'running' ? (
            <progress max={all.total} value={all.done} aria-label="Fields refreshed" />
          ) : null}{' '}
          {describeRefreshAll(all)}{' '}
          {all.state === 'running' ? null : (
            <span className="quiet">{ago(all.endedAt ?? all.startedAt, at)}</span>
          )}
        </p>
      ) : null}
    </form>
  )
}
