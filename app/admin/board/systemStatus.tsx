import type { PartHealth } from '@/lib/admin/overview'

const STATE_LABELS: Record<PartHealth['state'], string> = {
  ok: 'Fine',
  warn: 'Look at it',
  bad: 'Not working',
  off: 'Not set up',
}

export function Parts({ parts }: { parts: readonly PartHealth[] }) {
  return (
    <section aria-labelledby="parts-title">
      <h2 id="parts-title">Around the fields</h2>
      <ul className="parts">
        {parts.map(({ name, state, summary, facts }) => (
          <li key={name} className="part" data-state={state}>
            <h3>{name}</h3>
            <p className="state">{STATE_LABELS[state]}</p>
            <p>{summary}</p>
            <dl>
              {facts.map((fact) => (
                <div key={fact.name}>
                  <dt>{fact.name}</dt>
                  <dd>{fact.value}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
    </section>
  )
}
