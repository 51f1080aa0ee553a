/** How the parts around the fields are doing, in words for whoever looks after them. */
import type { BreakerState } from '../core-services/cache/engine/breaker'

export interface PartHealth {
  name: string
  /** `off`: it is not set up. */
  state: 'ok' | 'warn' | 'bad' | 'off'
  summary: string
  facts: { name: string; value: string }[]
}

/** `failure`: the code of the error with which Redis could not be asked just now. */
export function redisHealth(failure: string | null, breaker: BreakerState | null): PartHealth {
  const name = 'Redis, where values are kept'
  const circuit = { closed: 'closed', open: 'open', 'half-open': 'being tried again' }[breaker ?? 'closed']
  const facts = breaker === null ? [] : [{ name: 'Circuit breaker', value: circuit }]
  if (breaker === null)
    return { name, state: 'bad', summary: 'It could not be reached since the start.', facts }
  if (failure === null && breaker === 'closed') return { name, state: 'ok', summary: 'It answers.', facts }
  const summary =
    breaker === 'closed'
      ? 'It did not answer just now. Readers get values straight from the source meanwhile.'
      : 'It failed repeatedly and is left alone for a while. Readers get values straight from the source meanwhile.'
  return { name, state: 'bad', summary, facts }
}
