'use client'

import { useEffect, useRef, useState } from 'react'
import { describeOutcome, describeRefreshAll } from '@/lib/admin/format'
import type { Overview } from '@/lib/admin/overview'

/** What has just begun or ended, for those who do not see it. */
export function useNews(overview: Overview): string {
  const before = useRef(overview)
  const [news, setNews] = useState('')
  useEffect(() => {
    const told = newsBetween(before.current, overview)
    before.current = overview
    if (told !== '') setNews(told)
  }, [overview])
  return news
}

function newsBetween(before: Overview, now: Overview): string {
  const ofFields = now.fields.flatMap(({ name, run, lastFailure }) => {
    const last = before.fields.find((field) => field.name === name)?.run
    const isNews = run && (last?.state !== run.state || last.startedAt !== run.startedAt)
    return isNews ? [describeOutcome(name, run, lastFailure)] : []
  })
  const all =
    now.all && now.all.state !== 'running' && before.all?.state === 'running'
      ? [describeRefreshAll(now.all)]
      : []
  return [...ofFields, ...all].join(' ')
}
