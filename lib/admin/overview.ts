/** What the admin page shows, as plain data. It goes to the browser, so it holds no value and no secret. */
import type { BaseState } from '../core-services/airtable/rate-limit/rateLimiter'
import { readWebhookReport } from '../core-services/airtable/webhooks/webhookReport'
import { isRedisFailure, rootFailure } from '../core-services/cache/errors'
import type { AnyField } from '../core-services/cache/fields/fieldConfig'
import {
  type FieldState,
  type FieldStates,
  readFieldStates,
} from '../core-services/cache/operations/fieldStates'
import { ALL, lastRun, recordName, toFieldSubject } from '../core-services/cache/operations/refreshLog'
import type { WatchRuntime } from '../core-services/cache/operations/watchRuntime'
import { fieldRuntime } from '../core-services/cache/processContext'
import { readMetrics } from '../core-services/metrics/metricsService'
import { serviceRegistry } from '../core-services/service-registry'
import { hasCode } from '../shared/errors'
import { processState } from '../shared/processState'
import { cronExpectations, cronHealth } from './cronHealth'
import { type AllRow, allRow, type FieldRow, fieldRow } from './fieldRow'
import { buildPlots, type Plots } from './plots'
import { cronPart, type PartHealth, redisPart, sourcePart, webhooksPart } from './systemStatus'

export type { AllRow, FieldRow, PartHealth, Plots }

export interface Overview {
  /** When it was read, ms since 1970. */
  at: number
  fields: FieldRow[]
  /** The last refresh of all fields. */
  all: AllRow | null
  parts: PartHealth[]
  /** Null while metrics are turned off. */
  plots: Plots | null
  counts: {
    /** False when Redis cannot be reached: then the numbers are those of the answering process alone. */
    whole: boolean
    /** Processes that reported in the last 5 minutes. */
    instances: number
  }
}

/** Costs a few Redis commands for all fields together. Does not reject when Redis fails: the page shows that. */
export async function readOverview(
  fields: readonly AnyField[],
  runtime: WatchRuntime = fieldRuntime(),
): Promise<Overview> {
  const [{ states, failure }, metrics, known, webhooks] = await Promise.all([
    readStates(runtime, fields),
    readMetrics(),
    recentBases(runtime),
    readWebhookReport(runtime),
  ])
  const now = runtime.ports.clock.now()
  const all = lastRun(runtime, ALL, states?.note(ALL) ?? null)
  const rows = fields.map((field) => {
    const subject = toFieldSubject(field.key)
    const run = lastRun(runtime, subject, states?.note(subject) ?? null)
    const counted = metrics.fields[field.name] ?? null
    return fieldRow({ field, state: states?.find(field) ?? null, run, metrics: counted, now })
  })
  return {
    at: now,
    fields: rows,
    all: all && allRow(all, now),
    // A new part is added here; the page shows every entry.
    parts: [
      redisPart(failure, metrics),
      sourcePart(known, metrics),
      cronPart(cronHealth(metrics, cronExpectations(fields)), now),
      webhooksPart(webhooks, now),
    ],
    plots: metrics.enabled ? buildPlots(metrics) : null,
    counts: { whole: metrics.scope === 'deployment', instances: metrics.instances.length },
  }
}

interface States {
  find(field: AnyField): FieldState | null
  note(subject: Parameters<typeof recordName>[1]): string | null
}

async function readStates(
  runtime: WatchRuntime,
  fields: readonly AnyField[],
): Promise<{ states: States | null; failure: string | null }> {
  try {
    const notes = await runtime.sharedRecords()
    const names = [ALL, ...fields.map(({ key }) => toFieldSubject(key))].map((subject) =>
      recordName(notes, subject),
    )
    const found: FieldStates = await readFieldStates(runtime, fields, names)
    return {
      states: {
        find: ({ name }) => found.fields.find((state) => state.name === name) ?? null,
        note: (subject) => found.notes.get(recordName(notes, subject)),
      },
      failure: null,
    }
  } catch (error) {
    if (!isRedisFailure(error)) throw error
    return { states: null, failure: rootFailure(error).code }
  }
}

/** How old the state of the source's limits may be, in ms: reading it costs two commands. */
const BASES_MAX_AGE_MS = 10_000

interface KnownBases {
  at: number
  bases: Promise<readonly BaseState[]>
}

/** Empty while the source has not started. */
function recentBases({ ports: { clock } }: WatchRuntime): Promise<readonly BaseState[]> {
  const state = processState<{ last?: KnownBases }>('admin bases', () => ({}))
  const now = clock.monotonic()
  if (!state.last || now - state.last.at >= BASES_MAX_AGE_MS) state.last = { at: now, bases: bases() }
  return state.last.bases
}

async function bases(): Promise<readonly BaseState[]> {
  try {
    return await (await serviceRegistry.getService('airtable')).bases()
  } catch (error) {
    if (!hasCode(error, 'SERVICE_FAILED')) throw error
    return []
  }
}
