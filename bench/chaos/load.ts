/** Sends the load in an open loop: a slow answer does not delay other requests. The same seed makes the same load. */
import type { FieldStatus } from '@/lib/shared/events'
import { createRandom } from '@/local/data/random'
import { ADMIN_TOKEN, type Server } from './cluster'
import { ADMIN_FIELD, PUBLIC_FIELD } from './names'

export interface LoadOptions {
  readonly seed: number
  readonly requestsPerSecond: number
}

/** In samples of an invalidation: all fields with the tag of the source. */
export const EVERY_FIELD = '*'

/** Times are monotonic, in ms. */
export interface Sample {
  readonly operation: 'read' | 'refresh' | 'invalidate'
  /** The name of the field, or EVERY_FIELD. */
  readonly field: string
  readonly server: string
  readonly sentAt: number
  readonly doneAt: number
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  readonly cache: FieldStatus | null
  /** The version of the source in the answer. */
  readonly version: number | null
  readonly failure: string | undefined
  /** Whether the server was killed before it could answer. */
  readonly cut: boolean
}

/** Whether this is a refresh or an invalidation that every later read must reflect. */
export const isAcknowledged = ({ operation, status, cache }: Sample): boolean =>
  (operation === 'refresh' && status === 200 && cache === 'refreshed') ||
  (operation === 'invalidate' && status === 204)

export interface Changes {
  readonly refresh: boolean
  readonly invalidate: boolean
}

export interface Load {
  readonly samples: readonly Sample[]
  changes: Changes
  send(server: Server, operation: Sample['operation'], field: string): Promise<Sample>
  /** Resolves once all requests that are running now have been answered. */
  answered(): Promise<void>
  /** Ends the stream. Resolves once all requests have been answered. */
  stop(): Promise<void>
}

/** In ms. */
const CLIENT_TIMEOUT_MS = 20_000
const nothing = Promise.resolve()
const SHARES = { invalidate: 0.004, refresh: 0.012, adminRead: 0.33 } as const

export function startLoad(
  servers: readonly Server[],
  { seed, requestsPerSecond }: LoadOptions,
  secrets: readonly string[],
): Load {
  const random = createRandom(seed)
  const samples: Sample[] = []
  const open = new Set<Promise<unknown>>()
  let timer: NodeJS.Timeout
  let due = performance.now()

  async function send(server: Server, operation: Sample['operation'], field: string): Promise<Sample> {
    const sentAt = performance.now()
    const answer = await sendOne(server, operation, field, secrets)
    const sample: Sample = {
      operation,
      field,
      server: server.name,
      sentAt,
      doneAt: performance.now(),
      ...answer,
      cut: answer.status === 0 && !server.alive,
    }
    samples.push(sample)
    return sample
  }

  function dispatch(): void {
    const first = Math.floor(random() * servers.length)
    const choice = random()
    const anyField = random() < 0.5 ? PUBLIC_FIELD.name : ADMIN_FIELD.name
    const server = [...servers.slice(first), ...servers.slice(0, first)].find(({ alive }) => alive)
    if (server === undefined) return
    const sending = sendChosen(server, choice, anyField)
    open.add(sending)
    void sending.finally(() => open.delete(sending))
  }

  function sendChosen(server: Server, choice: number, anyField: string): Promise<unknown> {
    const { refresh, invalidate } = load.changes
    if (choice < SHARES.invalidate) return invalidate ? send(server, 'invalidate', EVERY_FIELD) : nothing
    if (choice < SHARES.invalidate + SHARES.refresh) {
      return refresh ? send(server, 'refresh', anyField) : nothing
    }
    return send(server, 'read', choice > 1 - SHARES.adminRead ? ADMIN_FIELD.name : PUBLIC_FIELD.name)
  }

  function schedule(): void {
    due += (-Math.log(1 - random()) / requestsPerSecond) * 1_000
    timer = setTimeout(
      () => {
        dispatch()
        schedule()
      },
      Math.max(0, due - performance.now()),
    )
  }

  const load: Load = {
    samples,
    changes: { refresh: false, invalidate: false },
    send,
    async answered() {
      await Promise.all(open)
    },
    async stop() {
      clearTimeout(timer)
      await Promise.all(open)
    },
  }
  schedule()
  return load
}

async function sendOne(
  { process: { url } }: Server,
  operation: Sample['operation'],
  field: string,
  secrets: readonly string[],
): Promise<Pick<Sample, 'status' | 'cache' | 'version' | 'failure'>> {
  const path = {
    read: `/api/fields/${field}`,
    refresh: `/api/fields/${field}/refresh`,
    invalidate: '/api/invalidate',
  }[operation]
  const trusted = operation !== 'read' || field !== PUBLIC_FIELD.name
  try {
    const response = await fetch(url + path, {
      method: operation === 'read' ? 'GET' : 'POST',
      headers: trusted ? { authorization: `Bearer ${ADMIN_TOKEN}` } : {},
      signal: AbortSignal.timeout(CLIENT_TIMEOUT_MS),
    })
    const text = await response.text()
    const leaked = secrets.some((secret) => text.includes(secret))
    return {
      status: response.status,
      cache: response.headers.get('x-field-cache') as FieldStatus | null,
      ...describe(response.status, text),
      ...(leaked ? { failure: 'the answer holds a secret', status: 0 } : {}),
    }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { status: 0, cache: null, version: null, failure: String(cause) }
  }
}

function describe(status: number, text: string): Pick<Sample, 'version' | 'failure'> {
  if (status === 204) return { version: null, failure: undefined }
  const { version, code } = JSON.parse(text || '{}') as { version?: number; code?: string }
  if (status === 200) return { version: version ?? null, failure: undefined }
  return { version: null, failure: code ?? `HTTP ${status}` }
}
