/** What is said about a call from an origin that is not taken for this site. */
import type { CodedError } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { foreignOrigin, originUnknown } from '../problem'
import { findUnknownOrigin } from './origin'
import { createRateLimit } from './rateLimit'

/** Anyone can send such headers, so few of them are told: five in a row, then one a minute, per process. */
const TOLD = { burst: 5, everyMs: 60_000 }

/** The error to refuse it with. Where a proxy may be the reason, it and a line in the log say what to set. */
export function reportRefusedOrigin(headers: Headers): CodedError {
  const misunderstood = findUnknownOrigin(headers)
  if (!misunderstood) return foreignOrigin()
  const { origin } = misunderstood
  const { clock, emit } = processPorts()
  const limit = processState('refused origins', () => createRateLimit(TOLD))
  if (limit.take('', clock.monotonic()) === 0)
    emit({ type: 'origin.refused', ...misunderstood, hint: mend(origin) })
  return originUnknown(`This site does not know itself as ${origin}. ${mend(origin)}`)
}

const mend = (origin: string) =>
  `If that is this site, the proxy before it changes the header Host: have it send X-Forwarded-Host, or set APP_ORIGINS=${origin}`
