import { isSourceError } from '@/lib/core-services/cache/errors'
import { type Agent, agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { readFieldForPage } from '@/lib/pages/readForPage'
import { firstVisible } from '@/lib/shared/text'

/** The agents by initial, with the age of the list and the status of its read. */
export async function AgentsDirectory() {
  const answer = await readAgents()
  if (!answer) return <Unavailable />
  const { data: agents, status, age } = answer
  const groups = groupByInitial(agents)
  return (
    <>
      <dl className="facts">
        <Fact name="Agents" value={String(agents.length)} />
        <Fact name="Age" value={describeAge(age)} />
        <Fact name="Cache" value={status} />
      </dl>
      <nav aria-label="Initials" className="initials">
        {groups.map(({ initial }) => (
          <a key={initial} href={`#${initial}`}>
            {initial}
          </a>
        ))}
      </nav>
      {groups.map(({ initial, members }) => (
        <section key={initial} aria-labelledby={initial}>
          <h2 id={initial}>{initial}</h2>
          <ul>
            {members.map(({ id, name }) => (
              <li key={id}>
                {/* Direction marks in a name must not affect the text around it. */}
                <bdi>{name}</bdi>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}

/** Null when the source failed and nothing is stored. Every other error is a bug that this page must not hide. */
async function readAgents() {
  try {
    return await readFieldForPage(agentsCacheConfig)
  } catch (error) {
    if (isSourceError(error)) return null
    throw error
  }
}

function Unavailable() {
  return (
    <p role="alert" className="alert">
      The list cannot be loaded at the moment. Please try again in a minute.
    </p>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

interface Group {
  initial: string
  members: Agent[]
}

/** Expects agents sorted by name, and keeps their order. */
function groupByInitial(agents: readonly Agent[]): Group[] {
  const groups = new Map<string, Group>()
  for (const agent of agents) {
    const initial = firstVisible(agent.name.normalize('NFD')).toUpperCase()
    const group = groups.get(initial) ?? { initial, members: [] }
    group.members.push(agent)
    groups.set(initial, group)
  }
  return [...groups.values()]
}

function describeAge(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
