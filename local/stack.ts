import { randomBytes } from 'node:crypto'
import { STATS_PATH as AIRTABLE_STATS, DEVELOPMENT, startAirtableServer } from './airtable/server'
import { registerWebhook, WEBHOOK_PATH } from './airtable/webhooks/registerWebhook'
import { samplePeople } from './data/loadPeople'
import { type EngineKind, type EngineOptions, startEngine } from './engine'
import { withoutCredentials } from './engine/external'
import { type Environment, read, readMilliseconds, readTogether } from './env'
import { FAULTS_PATH } from './faults'
import { choosePort } from './ports'
import { startUpstashServer, LOCAL_PORT as UPSTASH_PORT, STATS_PATH as UPSTASH_STATS } from './upstash/server'

const REDIS_CREDENTIALS = [
  ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN'],
  ['KV_REST_API_URL', 'KV_REST_API_TOKEN'],
] as const
const AIRTABLE_SETTINGS = [
  'AIRTABLE_API_KEY',
  'AIRTABLE_RRHH_BASE_ID',
  'AIRTABLE_RRHH_PEOPLE_TABLE_ID',
] as const
const ENGINE_REASONS: Readonly<Record<EngineKind, string>> = {
  external: 'REDIS_URL is set',
  'redis-server': 'redis-server is on the PATH',
  embedded: 'embedded: no REDIS_URL, no redis-server on the PATH',
}
const SECRETS = ['ADMIN_TOKEN', 'CRON_SECRET'] as const

export interface LocalStackOptions {
  /**
   * The Redis behind the local Upstash server.
   * @default REDIS_URL, or redis-server, or the embedded engine
   */
  readonly engine?: EngineOptions
  /**
   * The URL of the app. A local Airtable server then gets a webhook that pings it once it runs.
   * @default no webhook
   */
  readonly appUrl?: string
}

/** `why`: the reason for the URL. */
interface StackPart {
  readonly name: string
  readonly where: string
  readonly why: string
  /** The URLs of its counters and faults. Absent for real services. */
  readonly statsUrl?: string
  readonly faultsUrl?: string
}

export interface LocalStack {
  /** Needed by the app in addition to the environment of the stack. */
  readonly env: Readonly<Record<string, string>>
  readonly parts: readonly StackPart[]
  /** Call it when the app answers. Pings are sent from then on. */
  appStarted(): void
  /** Ends all parts, in reverse order. A second call does nothing. */
  stop(): Promise<void>
}

/** `stops` grows as parts start, so that a later failure can end them. */
interface Draft {
  readonly env: Record<string, string>
  readonly parts: StackPart[]
  readonly stops: (() => Promise<void>)[]
  readonly starts: (() => void)[]
}

async function localPort(env: Environment, variable: string, fallback: number): Promise<[number, string]> {
  const { port, moved } = await choosePort({ variable, given: env[variable], fallback })
  return [port, moved ? ` (port ${fallback} is in use)` : '']
}

async function addRedis(
  draft: Draft,
  env: Environment,
  engineOptions: EngineOptions | undefined,
): Promise<void> {
  for (const names of REDIS_CREDENTIALS) {
    const credentials = readTogether(env, names)
    if (credentials === undefined) continue
    Object.assign(draft.env, credentials)
    draft.parts.push({ name: 'Redis', where: credentials[names[0]] ?? '', why: `${names[0]} is set` })
    return
  }
  const url = read(env, 'REDIS_URL')
  const engine = await startEngine(engineOptions ?? { kind: 'auto', ...(url ? { url } : {}) })
  draft.stops.push(() => engine.stop())
  const where = withoutCredentials(engine.url)
  draft.parts.push({ name: 'Redis engine', where, why: ENGINE_REASONS[engine.kind] })

  const [port, note] = await localPort(env, 'LOCAL_UPSTASH_PORT', UPSTASH_PORT)
  const token = randomBytes(24).toString('hex')
  const server = await startUpstashServer({ redisUrl: engine.url, token, port })
  draft.stops.push(() => server.close())
  Object.assign(draft.env, { UPSTASH_REDIS_REST_URL: server.url, UPSTASH_REDIS_REST_TOKEN: token })
  draft.parts.push({
    name: 'Upstash server',
    where: server.url,
    why: `no UPSTASH_REDIS_REST_URL or KV_REST_API_URL${note}`,
    statsUrl: server.url + UPSTASH_STATS,
    faultsUrl: server.url + FAULTS_PATH,
  })
}

async function addAirtable(draft: Draft, env: Environment, appUrl: string | undefined): Promise<void> {
  if (read(env, 'AIRTABLE_API_KEY') !== undefined) {
    Object.assign(draft.env, readTogether(env, AIRTABLE_SETTINGS))
    const endpoint = read(env, 'AIRTABLE_ENDPOINT_URL')
    if (endpoint !== undefined) draft.env.AIRTABLE_ENDPOINT_URL = endpoint
    const where = endpoint ?? 'https://api.airtable.com'
    draft.parts.push({ name: 'Airtable', where, why: 'AIRTABLE_API_KEY is set' })
    return
  }
  const { base, table, what } = samplePeople(env)
  const latencyMs = readMilliseconds(env, 'LOCAL_AIRTABLE_LATENCY_MS', DEVELOPMENT.latencyMs)
  const [port, note] = await localPort(env, 'LOCAL_AIRTABLE_PORT', DEVELOPMENT.port)
  const server = await startAirtableServer({ ...base, port, latencyMs })
  draft.stops.push(() => server.close())
  Object.assign(draft.env, {
    AIRTABLE_API_KEY: server.apiKey,
    AIRTABLE_ENDPOINT_URL: server.url,
    AIRTABLE_RRHH_BASE_ID: server.baseId,
    AIRTABLE_RRHH_PEOPLE_TABLE_ID: table.id,
  })
  draft.parts.push({
    name: 'Airtable server',
    where: server.url,
    why: `no AIRTABLE_API_KEY; ${what}${note}`,
    statsUrl: server.url + AIRTABLE_STATS,
    faultsUrl: server.url + FAULTS_PATH,
  })
  if (appUrl === undefined) return
  const webhook = await registerWebhook(server, table.id, appUrl)
  draft.env.AIRTABLE_WEBHOOK_SECRETS = webhook.secrets
  draft.starts.push(webhook.release)
  draft.parts.push({ name: 'Webhook', where: appUrl + WEBHOOK_PATH, why: 'pinged when a record changes' })
}

function addSecrets(draft: Draft, env: Environment): void {
  for (const name of SECRETS) {
    const given = read(env, name)
    draft.env[name] = given === undefined ? randomBytes(24).toString('hex') : (env[name] ?? '')
  }
}

/**
 * Starts a local server for each service without credentials in the environment (a Redis behind an Upstash server, an
 * Airtable server) and generates missing secrets. Writes nothing to disk and does not change `env`. When only some
 * credentials are set or a port is taken, rejects with a one-line error and leaves nothing running.
 */
export async function startLocalStack(options: LocalStackOptions, env: Environment): Promise<LocalStack> {
  const draft: Draft = { env: {}, parts: [], stops: [], starts: [] }
  const stop = async (): Promise<void> => {
    for (let end = draft.stops.pop(); end !== undefined; end = draft.stops.pop()) await end()
  }
  try {
    await addRedis(draft, env, options.engine)
    await addAirtable(draft, env, options.appUrl)
    addSecrets(draft, env)
  } catch (error) {
    await stop()
    throw error
  }
  const appStarted = (): void => {
    for (const start of draft.starts) start()
  }
  return { env: draft.env, parts: draft.parts, appStarted, stop }
}
