'use client'

import { summarizeFields } from '@/lib/admin/format'
import type { Overview } from '@/lib/admin/overview'
import { signOut } from '../actions'
import { SignIn } from '../signIn'
import { FieldCard } from './fieldCard'
import { Plots } from './plots'
import { RefreshAll } from './refreshAll'
import { StatusMark } from './statusMark'
import { Parts } from './systemStatus'
import { useNews } from './useNews'
import { type Link, useOverview } from './useOverview'

export function Board({ initial }: { initial: Overview }) {
  const { overview, link, look } = useOverview(initial)
  const news = useNews(overview)
  if (link === 'signed-out') return <SignIn note="Your session has ended. Sign in again." />
  const { fields, all, parts, plots, counts, at } = overview
  return (
    <>
      <header className="top">
        <div>
          <h1>Field Cache</h1>
          <p className="quiet">What is cached, how old it is, and whether it works.</p>
        </div>
        <LinkState link={link} at={at} />
        <form action={signOut}>
          <button type="submit" className="plain">
            Sign out
          </button>
        </form>
      </header>
      <div className="verdict" data-status={findWorst(fields)}>
        <StatusMark status={findWorst(fields)} />
        <p>{summarizeFields(fields)}</p>
        <RefreshAll all={all} at={at} onAnswer={look} />
      </div>
      <section aria-labelledby="fields-title">
        <h2 id="fields-title">Fields</h2>
        <ul className="fields">
          {fields.map((field) => (
            <FieldCard key={field.name} field={field} at={at} onAnswer={look} />
          ))}
        </ul>
      </section>
      <Parts parts={parts} />
      {plots ? <Plots plots={plots} counts={counts} /> : null}
      <p className="heard" role="status">
        {news}
      </p>
    </>
  )
}

function LinkState({ link, at }: { link: Link; at: number }) {
  if (link === 'live') return <p className="link">Live</p>
  return (
    <p className="link lost" role="alert">
      The server cannot be reached. This is the state of <Time at={at} />.
    </p>
  )
}

/** In UTC, as in the server's logs, so that server and browser render the same text. */
function Time({ at }: { at: number }) {
  const iso = new Date(at).toISOString()
  return <time dateTime={iso}>{iso.slice(11, 19)} UTC</time>
}

const WORST = ['failing', 'unknown', 'expired', 'never-fetched', 'stale', 'refreshing'] as const

function findWorst(fields: Overview['fields']) {
  return WORST.find((status) => fields.some((field) => field.status === status)) ?? 'fresh'
}
