/** Refuses calls from another origin, with a hint when a proxy may be the cause. */
import type { CodedError } from '../../shared/errors'
import { processPorts } from '../../shared/ports'
import { processState } from '../../shared/processState'
import { foreignOrigin, originUnknown } from '../problem'
import { findUnknownOrigin } from './origin'
import { createRateLimit } from './rateLimit'

/** Limits what a process logs, because any client can send such headers. */
const LOGGED = { burst: 5, everyMs: 60_000 }

export function reportRefusedOrigin(headers: Headers): CodedError {
  const unknown = findUnknownOrigin(headers)
  if (!unknown) return foreignOrigin()
  const { origin } = unknown
  const { clock, emit } = processPorts()
  const limit = processState('refused origins', () => createRateLimit(LOGGED))
  if (limit.take('', clock.monotonic()) === 0)
    emit({ type: 'origin.refused', ...unknown, hint: originHint(origin) })
  return originUnknown(`The origin ${origin} does not match the requested host. ${originHint(origin)}`)
}

const originHint = (origin: string) =>
  `If it is the address of this site, a proxy changes the header Host: let it send X-Forwarded-Host, or set APP_ORIGINS=${origin}`
