/**
 * What pages take besides being looked at: calls of the Server Actions of the admin page. Next answers much of what can
 * be wrong with one by a 500 and a stack in the log; here it is refused before.
 */

import { readBytes } from './boundedRequest'
import { isHostOfOrigin, isSameOrigin } from './origin'
import { bodyInvalid, bodyTooLarge, foreignOrigin, methodUnknown, problemResponse } from './problem'

/** The pages with Server Actions. */
const TAKES_ACTIONS = new Set(['/admin'])
/** What React sends for one of ours has some hundred bytes. */
const MAX_BYTES = 16 * 1024
/** How long one may take to come in, in ms. */
const PATIENCE_MS = 5_000
const READS = ['GET', 'HEAD']

/** The answer to a request that no page takes; undefined for one that may go on. */
export async function refusedByPages(request: Request): Promise<Response | undefined> {
  const { method } = request
  if (READS.includes(method)) return undefined
  const takesActions = TAKES_ACTIONS.has(new URL(request.url).pathname)
  const allowed = [...READS, 'OPTIONS', ...(takesActions ? ['POST'] : [])].join(', ')
  if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { Allow: allowed } })
  try {
    if (method !== 'POST' || !takesActions) throw methodUnknown(allowed)
    if (!isSameOrigin(request.headers) || !isHostOfOrigin(request.headers)) throw foreignOrigin()
    if (Number(request.headers.get('content-length')) > MAX_BYTES) throw bodyTooLarge(MAX_BYTES)
    if (!(await isCall(request))) throw bodyInvalid()
    return undefined
  } catch (error) {
    const refused = problemResponse(request, error, { label: 'Failed to call the page', trusted: false })
    if (refused.status === 405) refused.headers.set('Allow', allowed)
    return refused
  }
}

/** Whether the body has the form that React gives to a call. */
async function isCall(request: Request): Promise<boolean> {
  const byScript = request.headers.has('next-action')
  const type = request.headers.get('content-type') ?? ''
  const bytes = await readBytes(request, MAX_BYTES, PATIENCE_MS)
  if (!bytes) return false
  const body = new Response(bytes.slice(), { headers: { 'Content-Type': type } })
  try {
    if (!type.startsWith('multipart/form-data')) return byScript && areArguments(await body.text())
    const form = await body.formData()
    if (byScript) return areArguments(form.get('0'))
    // A form that was sent without scripts names its action in fields of its own.
    for (const [name, text] of form) if (/^\$ACTION_.*:/.test(name)) plainValue(text)
    return true
  } catch {
    return false
  }
}

const MOST_ARGUMENTS = 10

function areArguments(text: unknown): boolean {
  const given = plainValue(text)
  return Array.isArray(given) && given.length <= MOST_ARGUMENTS
}

/**
 * Of React's own notation, in which texts with a dollar sign refer to something, only what stands for undefined, a form,
 * the arguments that an action is bound to, and the dollar sign itself.
 */
function plainValue(text: unknown): unknown {
  return JSON.parse(String(text), (_, value: unknown) => {
    if (typeof value === 'string' && /^\$(?!undefined$|[K@][0-9a-f]+$|\$)/.test(value))
      throw new TypeError('a reference that no call of ours has')
    return value
  })
}
