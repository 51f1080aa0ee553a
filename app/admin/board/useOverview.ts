'use client'

import { useCallback, useEffect, useRef, useState } from 'react'
import type { Overview } from '@/lib/admin/overview'
import { withBasePath } from '@/lib/config/basePath'

/** `lost`: the server cannot be reached, so the shown data is old. */
export type Link = 'live' | 'lost' | 'signed-out'

const EVERY_MS = 5_000
/** While a refresh is running. */
const BUSY_EVERY_MS = 1_000
const TIMEOUT_MS = 10_000

/** Reads the overview every few seconds while the page is visible. `look` reads it at once. */
export function useOverview(initial: Overview): { overview: Overview; link: Link; look(): void } {
  const [overview, setOverview] = useState(initial)
  const [link, setLink] = useState<Link>('live')
  const asked = useRef<() => void>(() => undefined)

  useEffect(() => {
    const end = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let busy = isBusy(initial)
    let underWay = false

    function plan(milliseconds = busy ? BUSY_EVERY_MS : EVERY_MS): void {
      clearTimeout(timer)
      if (!document.hidden && !end.signal.aborted) timer = setTimeout(() => void ask(), milliseconds)
    }

    async function ask(): Promise<void> {
      if (underWay) return
      underWay = true
      const answer = await fetchOverview(end.signal)
      underWay = false
      if (end.signal.aborted) return
      if (typeof answer === 'string') setLink(answer)
      else {
        busy = isBusy(answer)
        setOverview(answer)
        setLink('live')
      }
      if (answer !== 'signed-out') plan()
    }

    const seen = () => (document.hidden ? clearTimeout(timer) : plan(0))
    document.addEventListener('visibilitychange', seen)
    asked.current = () => plan(0)
    plan()
    return () => {
      end.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [initial])

  return { overview, link, look: useCallback(() => asked.current(), []) }
}

async function fetchOverview(end: AbortSignal): Promise<Overview | Exclude<Link, 'live'>> {
  try {
    const signal = AbortSignal.any([end, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await fetch(withBasePath('/api/admin/overview'), { cache: 'no-store', signal })
    if (response.status === 401) return 'signed-out'
    return response.ok ? ((await response.json()) as Overview) : 'lost'
  } catch {
    return 'lost'
  }
}

function isBusy({ fields, all }: Overview): boolean {
  return all?.state === 'running' || fields.some(({ status }) => status === 'refreshing')
}
