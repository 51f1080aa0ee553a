/**
 * What the fields are fetched from. A value is the number of its fetch, so that a read can be traced back to it; of
 * several that went on one after the other, the number of the first.
 */

import type { FetchContext } from '@/lib/core-services/cache/fields/fieldConfig'
import { codedError } from '@/lib/shared/errors'
import { pickInTurn } from '../../kit/simulation/plan'
import type { Universe } from '../../kit/simulation/universe'
import type { Plan } from './plan'
import { FETCH_TIMEOUT_MS } from './times'
import { CENTS, type Value } from './value'
import type { FetchSpan, History } from './watching/history'
import type { Watch } from './watching/watch'

/** For which configuration of the field: the tags that it names, and which of its fetchers. */
export type Asked = Pick<FetchSpan, 'tags' | 'fetcher'>

export interface Source {
  fetch(process: number, field: number, context: FetchContext, asked: Asked): Promise<Value>
  /** The fetches that a process has under way end with it. */
  die(process: number): void
  readonly failed: boolean
}

/** Longer than any lease. */
const VERY_LATE_MS = 2_500

export function createSource(
  universe: Universe,
  { source: answers, parts: partsOf = [], fields }: Pick<Plan, 'source' | 'parts' | 'fields'>,
  history: History,
  watch: Watch,
): Source {
  let failed = false

  async function carriedOn(previous: FetchContext['previous']): Promise<number> {
    const before = (await previous())?.value as Value | undefined
    if (before) history.during['a fetch that carries on what stands'] = true
    return before?.price ?? CENTS
  }

  function begin(
    process: number,
    field: number,
    { reason, anonymous = false, remainingMs }: FetchContext,
    asked: Asked,
  ): FetchSpan {
    const parts = pickInTurn(partsOf, history.fetches.length, [])
    const began = universe.step()
    const at = universe.now()
    const timeoutMs = remainingMs()
    const told = { reason, anonymous, timeoutMs, ...asked }
    const fetch: FetchSpan = { began, at, process, field, ...told, parts, ended: 'running' }
    watch.fetchBegins(fetch)
    history.fetches.push(fetch)
    return fetch
  }

  return {
    async fetch(process, field, context, asked) {
      const { reason, resume, pause, previous } = context
      const number = history.fetches.length
      const fetch = begin(process, field, context, asked)
      const answer = pickInTurn(answers, number, 'answers')
      universe.log(`p${process}: fetch ${number} of field ${field} begins (${reason}) and ${answer}`)
      const earlier = answers.includes('pauses') ? await resume() : null
      const first = earlier === null ? number : Number(earlier)
      const price = fields[field]?.converts ? { price: await carriedOn(previous) } : {}
      if (earlier !== null) universe.log(`p${process}: fetch ${number} goes on with fetch ${first}`)
      // Asked and answered: others get their turns in between.
      await universe.turn(`fetch ${number} is under way`)
      await universe.turn(`fetch ${number} ends`)
      if (answer === 'times out') universe.passUntil(fetch.at + FETCH_TIMEOUT_MS)
      if (answer === 'late') universe.passUntil(fetch.at + VERY_LATE_MS)
      const begun = history.fetches[first] ?? fetch
      const { parts } = begun
      const value = { fetch: first, last: number, parts, ...price }
      if (fetch.ended === 'died') return value
      if (fetch.lease && fetch.lease.expiresAt <= universe.now()) history.during['expired lease'] = true
      const down = answer === 'fails' || answer === 'times out'
      const pauses = answer === 'pauses'
      failed ||= down || pauses
      fetch.ended = down ? 'failed' : pauses ? 'paused' : 'answered'
      universe.log(`p${process}: fetch ${number} has ${fetch.ended}`)
      if (down) throw codedError(answer === 'fails' ? 'SIM_DOWN' : 'SIM_TIMEOUT', 'the source is down')
      fetch.paused = pauses
      if (pauses) return pause(String(first), `fetch ${number}`)
      begun.ended = 'answered'
      return value
    },
    die(process) {
      for (const fetch of history.fetches) {
        if (fetch.process !== process || fetch.ended !== 'running') continue
        fetch.ended = 'died'
        if (fetch.lease) history.during['death of a lease holder'] = true
      }
    },
    get failed() {
      return failed
    },
  }
}
