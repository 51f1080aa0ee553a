/**
 * Checks requests for pages before Next, which answers most malformed calls of an action with a 500 and a stack in the
 * log.
 */
import { withoutBasePath } from '../../config/basePath'
import { processPorts } from '../../shared/ports'
import { hasTrustedOrigin, isSameOrigin } from '../auth/origin'
import { reportRefusedOrigin } from '../auth/refusedOrigin'
import { bodyInvalid, bodyTooLarge, methodUnknown, problemResponse, routeUnknown } from '../problem'
import { waitForBodyAtMost } from './malformedRequests'
import { BODY_MS, readRequestBody } from './requestBody'

const TAKES_ACTIONS = new Set(['/admin'])
/** React sends a few hundred bytes for a call of our actions. */
const MAX_BYTES = 16 * 1024
const READS = ['GET', 'HEAD']
/** The page that Next renders when everything else fails. A request for its path is answered with 500. */
const LAST_RESORT = '/_global-error'

/** Resolves with undefined when the request may go on. */
export async function guardPageRequest(request: Request): Promise<Response | undefined> {
  const since = processPorts().clock.monotonic()
  const refused = await refuseRequest(request)
  if (refused) waitForBodyAtMost(BODY_MS - (processPorts().clock.monotonic() - since))
  return refused
}

async function refuseRequest(request: Request): Promise<Response | undefined> {
  const { method } = request
  const path = withoutBasePath(new URL(request.url).pathname) ?? ''
  if (READS.includes(method) && path !== LAST_RESORT) return undefined
  const takesActions = TAKES_ACTIONS.has(path)
  const allowed = [...READS, 'OPTIONS', ...(takesActions ? ['POST'] : [])].join(', ')
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { Allow: allowed } })
  try {
    if (path === LAST_RESORT) throw routeUnknown()
    if (method !== 'POST' || !takesActions) throw methodUnknown(allowed)
    if (!isSameOrigin(request.headers) || !hasTrustedOrigin(request.headers))
      throw reportRefusedOrigin(request.headers)
    if (Number(request.headers.get('content-length')) > MAX_BYTES) throw bodyTooLarge(MAX_BYTES)
    if (!(await isActionCall(request))) throw bodyInvalid()
    return undefined
  } catch (error) {
    const refused = problemResponse(request, error, { label: 'Failed to call the page', trusted: false })
    if (refused.status === 405) refused.headers.set('Allow', allowed)
    return refused
  }
}

async function isActionCall(request: Request): Promise<boolean> {
  const byScript = request.headers.has('next-action')
  const type = request.headers.get('content-type') ?? ''
  const bytes = await readRequestBody(request, MAX_BYTES, 'leave')
  if (!bytes) return false
  const body = new Response(bytes.slice(), { headers: { 'Content-Type': type } })
  try {
    if (!type.startsWith('multipart/form-data')) return byScript && areArguments(await body.text())
    const form = await body.formData()
    if (byScript) return areArguments(form.get('0'))
    // Without scripts, React names the action in fields of the form.
    for (const [name, text] of form) if (/^\$ACTION_.*:/.test(name)) parsePlainValue(text)
    return true
  } catch {
    return false
  }
}

const MAX_ARGUMENTS = 10

function areArguments(text: unknown): boolean {
  const given = parsePlainValue(text)
  return Array.isArray(given) && given.length <= MAX_ARGUMENTS
}

/**
 * Parses the notation of React, in which a text that begins with a dollar sign refers to something. Allows `undefined`, a
 * form, the arguments that an action is bound to, and an escaped dollar sign. Throws for everything else.
 */
function parsePlainValue(text: unknown): unknown {
  return JSON.parse(String(text), (_, value: unknown) => {
    if (typeof value === 'string' && /^\$(?!undefined$|[K@][0-9a-f]+$|\$)/.test(value))
      throw new TypeError('a reference that our actions do not use')
    return value
  })
}
