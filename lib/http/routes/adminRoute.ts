import { readOverview } from '../../admin/overview'
import type { AnyField } from '../../core-services/cache/fields/fieldConfig'
import { holdsSecret } from '../auth/bearer'
import { isCrossSite } from '../auth/origin'
import { isSessionRevoked } from '../auth/revokedSessions'
import { findSession, readCookies } from '../auth/session'
import { PRIVATE_NO_STORE } from '../headers'
import { foreignOrigin, problemResponse, unauthorized } from '../problem'

export async function answerOverview(request: Request, fields: readonly AnyField[]): Promise<Response> {
  const trusted = holdsSecret(request, 'ADMIN_TOKEN')
  try {
    const session = trusted ? null : findSession(readCookies(request))
    if (!trusted && isCrossSite(request.headers)) throw foreignOrigin()
    if (!trusted && !session) throw unauthorized('ADMIN_TOKEN')
    // Runs both at once, to save a round trip.
    const [overview, isRevoked] = await Promise.all([
      readOverview(fields),
      session !== null && isSessionRevoked(session),
    ])
    if (isRevoked) throw unauthorized('ADMIN_TOKEN')
    return Response.json(overview, { headers: PRIVATE_NO_STORE })
  } catch (error) {
    return problemResponse(request, error, { label: 'Failed to read the overview', trusted })
  }
}
