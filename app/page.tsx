import { Suspense } from 'react'
import { AgentsDirectory } from './agentsDirectory'

export default function HomePage() {
  return (
    <main className="directory">
      <h1>Sales agents</h1>
      <Suspense fallback={<p className="facts">Loading the agents…</p>}>
        <AgentsDirectory />
      </Suspense>
      <footer>
        <p>
          The same list as JSON: <a href="/api/airtable/agents">/api/airtable/agents</a>
        </p>
      </footer>
    </main>
  )
}
