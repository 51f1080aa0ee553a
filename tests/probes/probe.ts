import { it } from 'vitest'
import { type Outcome, type Peer, PROBES, type ProbeName, type RecordedProbe, type Verdict } from './recorded'

/** A test of ours beside what others did: its title says what is tried, what we do, and what each of them did. */
export function probe(name: ProbeName, ours: string, run: () => Promise<void>): void {
  it(titleOf(PROBES[name], ours), run)
}

export function titleOf({ tried, peers }: RecordedProbe, ours: string): string {
  const outcomes = Object.entries(peers) as [Peer, Outcome][]
  const told = (verdict: Verdict, said: string): string[] => {
    const those = outcomes.filter(([, outcome]) => outcome.verdict === verdict)
    return those.length === 0 ? [] : [`${said} ${groups(those)}`]
  }
  return [`${tried}: ${ours}`, ...told('fails', 'Fails:'), ...told('passes', 'Passes:')].join('. ')
}

/** Peers that did the same stand together. */
function groups(outcomes: readonly [Peer, Outcome][]): string {
  const deeds = [...new Set(outcomes.map(([, { did }]) => did))]
  const who = (deed: string) => outcomes.filter(([, { did }]) => did === deed).map(([peer]) => peer)
  return deeds.map((deed) => `${who(deed).join(', ')} (${deed})`).join('; ')
}
