import { problemResponse, routeUnknown } from '../problem'

/** Next would render a page, which accepts calls of Server Actions, and the proxy checks only the paths of pages. */
export async function answerUnknownRoute(request: Request): Promise<Response> {
  return problemResponse(request, routeUnknown(), { label: 'There is no such route', trusted: false })
}
