'use client'

import { useEffect, useRef, useState } from 'react'
import { describeOutcome, describeRefreshAll } from '@/lib/admin/format'
import type { Overview } from '@/lib/admin/overview'

/** What has just started or ended, as a text for screen readers. */
export function useNews(overview: Overview): string {
  const before = useRef(overview)
  const [news, setNews] = useState('')
  useEffect(() => {
    const text = newsBetween(before.current, overview)
    before.current = overview
    if (text !== '') setNews(text)
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
