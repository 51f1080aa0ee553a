'use client'

import { useActionState, useEffect } from 'react'
import type { FieldRow } from '@/lib/admin/fieldRow'
import { refreshField } from '../actions'

interface Props {
  field: FieldRow
  onAnswer(): void
}

export function RefreshField({ field: { name, run }, onAnswer }: Props) {
  const [answer, submit, pending] = useActionState(refreshField, null)
  useEffect(() => {
    if (answer) onAnswer()
  }, [answer, onAnswer])
  const busy = pending || run?.state === 'running'
  return (
    <form
      action={submit}
      onSubmit={(event) => {
        if (busy) event.preventDefault()
      }}
    >
      <input type="hidden" name="name" value={name} />
      {/* Not `disabled`: the focus would be lost with it. */}
      <button type="submit" aria-disabled={busy}>
        {busy ? 'Refreshing…' : 'Refresh'}
        <span className="heard"> {name}</span>
      </button>
    </form>
  )
}
