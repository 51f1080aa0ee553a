import { Suspense } from 'react'
import { withBasePath } from '@/lib/config/basePath'
import { AgentsDirectory } from './agentsDirectory'

const AGENTS_AS_JSON = withBasePath('/api/airtable/agents')

export default function HomePage() {
  return (
    <main className="directory">
      <h1>Sales agents</h1>
      <Suspense fallback={<p className="facts">Loading the agents…</p>}>
        <AgentsDirectory />
      </Suspense>
      <footer>
        <p>
          The same list as JSON: <a href={AGENTS_AS_JSON}>{AGENTS_AS_JSON}</a>
        </p>
      </footer>
    </main>
  )
}
