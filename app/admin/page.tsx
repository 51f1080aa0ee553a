import type { Metadata } from 'next'
import { Suspense } from 'react'
import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { readAccess } from '@/lib/pages/adminActions'
import { readOverviewForPage } from '@/lib/pages/readForPage'
import './admin.css'
import { Board } from './board/board'
import { SignIn } from './signIn'

export const metadata: Metadata = { title: 'Admin · Field Cache', robots: { index: false, follow: false } }

/** In seconds: the time for refreshes that the buttons start. */
export const maxDuration = 300

export default function AdminPage() {
  return (
    <main className="admin">
      <Suspense fallback={<p className="waiting">Reading the fields…</p>}>
        <Admin />
      </Suspense>
    </main>
  )
}

async function Admin() {
  const access = await readAccess()
  if (access === 'closed') return <Closed />
  if (access !== 'signed-in') return <SignIn lookAgain={access === 'cross-site'} />
  const overview = await readOverviewForPage(fields)
  return <Board key={overview.at} initial={overview} />
}

function Closed() {
  return (
    <div className="door">
      <h1>This page is closed</h1>
      <p>It opens when the operator of this site has set an admin token.</p>
    </div>
  )
}
