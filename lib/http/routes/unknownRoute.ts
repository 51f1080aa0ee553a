import { problemResponse, routeUnknown } from '../problem'

/**
 * Answers what no route below /api takes. Left to Next it would be a page, and so take calls of Server Actions, which the
 * proxy keeps from pages only.
 */
export async function answerUnknownRoute(request: Request): Promise<Response> {
  return problemResponse(request, routeUnknown(), { label: 'There is no such route', trusted: false })
}
