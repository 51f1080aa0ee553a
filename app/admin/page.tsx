import type { Metadata } from 'next'
import { Suspense } from 'react'
import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { readAccess } from '@/lib/pages/adminActions'
import { readOverviewForPage } from '@/lib/pages/readForPage'
import './admin.css'
import { Board } from './board/board'
import { SignIn } from './signIn'

export const metadata: Metadata = { title: 'Admin · Field Cache', robots: { index: false, follow: false } }

/** Seconds; the time that the refreshes have which the buttons begin. */
export const maxDuration = 300

export default function AdminPage() {
  return (
    <main className="admin">
      <Suspense fallback={<p className="waiting">Looking at the fields…</p>}>
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
      <p>It opens once whoever runs this site has set a token for it.</p>
    </div>
  )
}
