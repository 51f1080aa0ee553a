/** Looks at every command, as it is sent and as Redis executes it, for what must never happen there. */
import { decodeEntry, type Entry } from '@/lib/core-services/cache/entry/entry'
import { COARSE_GUARD, guardNames } from '@/lib/core-services/cache/entry/versionTokens'
import type { RawReply } from '@/lib/core-services/cache/redis/pipeline'
import type { FieldCacheEvent } from '@/lib/shared/events'
import type { Command, MemoryRedis } from '@/lib/testing/redis/memoryRedis'
import type { Universe } from '../../../kit/simulation/universe'
import { fieldKey, physicalNames } from '../names'
import type { Plan } from '../plan'
import type { Value } from '../value'
import type { FetchSpan, History } from './history'
import { createLeaseWatch, leaseIn, leaseTime } from './leaseWatch'

/** Who asks. */
export interface Caller {
  process: number
  /** True when what it asks for may take entries away. */
  invalidates: boolean
}

export interface Watch {
  sends(command: Command, caller: Caller): void
  execute(command: Command, caller: Caller): RawReply
  /** The caller knows that it is done. */
  answered(command: Command, caller: Caller, reply: RawReply): void
  /** It was not executed, for certain. */
  refuses(command: Command): void
  /** Told of what a process tells of itself. */
  hears(event: FieldCacheEvent, process: number): void
  evict(name: string): void
  fetchBegins(fetch: FetchSpan): void
  goesUncached(process: number): void
}

/** An eviction, as if a process had asked for it. */
const EVICTION: Caller = { process: -1, invalidates: true }

export function createWatch(
  universe: Universe,
  redis: MemoryRedis,
  plan: Plan,
  { fetches, seen, during }: History,
): Watch {
  const leases = createLeaseWatch(universe)
  const namesOthers = plan.phases
    .flat(2)
    .some(({ operations }) => operations.some((one) => 'tags' in one && one.tags !== undefined))
  const fields = plan.fields.map(({ tags, dependsOn = false }, field) => {
    const guards = guardNames({ key: fieldKey(field), tags })
    const entry = physicalNames.entry(fieldKey(field))
    return {
      entry,
      guards,
      names: new Set([entry, ...guards.map(physicalNames.guard)]),
      anyTag: dependsOn || namesOthers,
    }
  })
  /** The last entry of a field that a process knows to have stored. */
  const lastStored = new Map<string, Entry>()
  /** Processes that have kept a field aside. */
  const keptAside = new Set<string>()

  /** The fetch that brought what stands for a field; null when nothing does, or nothing that a process may serve. */
  function standing(field: number): number | null {
    const { entry: name = '', guards = [] } = fields[field] ?? {}
    const entry = decodeEntry(redis.peek(name) ?? '')
    const stored = Object.entries(entry?.tokens ?? {})
    const holds = stored.every(([guard, token]) => redis.peek(physicalNames.guard(guard)) === token)
    return entry && guards[0] !== undefined && guards[0] in entry.tokens && holds ? fetchOf(entry) : null
  }

  /** Whose entry or tokens a command names: nothing changes for the others. */
  function fieldsOf(command: Command): number[] {
    const touched = ({ names, anyTag }: (typeof fields)[number]) =>
      command.some((part) => names.has(String(part)) || (anyTag && String(part).includes('~token:')))
    return fields.flatMap((one, field) => (touched(one) ? [field] : []))
  }

  function compared<T>(command: Command, caller: Caller, run: () => T): T {
    const before = fieldsOf(command).map((field) => ({ field, fetch: standing(field) }))
    const result = run()
    for (const { field, fetch } of before) {
      const after = standing(field)
      if (fetch === after) continue
      const who = caller === EVICTION ? 'Redis' : `${command[0]} of p${caller.process}`
      universe.log(`${who} makes field ${field} ${after === null ? 'a miss' : `fetch ${after}`}`)
      // A refresh that comes late may do so: no reader is served what it stores, and it costs one more fetch.
      if (after === null && !caller.invalidates && !storedBy(command) && !isForcedAside(command)) {
        seen.takenAway.push(`${who} took away fetch ${fetch} of field ${field}`)
      }
      if (after !== null && fetches[after]?.ended !== 'answered') {
        seen.foreignValues.push(`${who} stored fetch ${after}, which has brought nothing`)
      }
    }
    return result
  }

  function noticeAside(command: Command, { process }: Caller): void {
    const field = fetches[fetchOf(storedBy(command))]?.field
    if (field === undefined) return
    const who = `${process} ${field}`
    if (String(command[1]).includes('~entry:')) {
      keptAside.add(who)
      during['a value that is kept aside'] = true
    } else if (keptAside.has(who)) during['a way back from aside'] = true
  }

  /** Whose leases a process has read last, by process and field. */
  const holders = new Map<string, string[]>()

  function noteHolders(command: Command, process: number, reply: RawReply): void {
    if (command[0] !== 'MGET' || !Array.isArray(reply)) return
    for (const field of plan.fields.keys()) {
      const isLease = (name: unknown) => String(name).includes(`~lease:${fieldKey(field)}:`)
      const read = command.slice(1).flatMap((name, index) => (isLease(name) ? [String(reply[index])] : []))
      if (read.length > 0) holders.set(`${process} ${fieldKey(field)}`, read)
    }
  }

  /** The last of the fetches whose value a force stores by this command. */
  function forcedFetch(command: Command): FetchSpan | undefined {
    const entry = command[0] === 'EVAL' ? forcedBy(command) : null
    return entry ? fetches[lastOf(entry)] : undefined
  }

  return {
    sends(command, { process }) {
      const set = command[0] === 'EVAL' ? fetches[fetchOf(forcedBy(command))] : undefined
      if (set?.reason === 'set')
        Object.assign(set, { began: universe.step(), at: universe.now(), plain: false })
      const sent = forcedFetch(command)
      if (sent) sent.sent = (sent.sent ?? 0) + 1
      const plain = fetches[plainlySet(command)]
      if (plain) plain.plain = true
      const entry = storedBy(command)
      if (!entry) return
      const number = fetchOf(entry)
      const { field = -1, reason } = fetches[number] ?? {}
      const last = lastStored.get(`${process} ${field}`)
      if (reason !== 'force' && !leases.holds(process, field)) {
        seen.storedWithoutLease.push(`p${process} stored fetch ${number} without a lease that holds`)
      }
      if (last && fetchOf(last) > number && JSON.stringify(last.tokens) !== JSON.stringify(entry.tokens)) {
        seen.storedOlder.push(`p${process} stored fetch ${number} though it had stored ${fetchOf(last)}`)
      }
    },
    execute(command, caller) {
      const [name] = command
      // Only what a value has told for the first time is asked for together with the coarse token, and that one first.
      if (name === 'MGET' && command[1] === physicalNames.guard(COARSE_GUARD))
        during['dependencies that were not known before the fetch'] = true
      if (name === 'GET' || name === 'MGET') return redis.execute(command)
      const lease = leaseIn(command)
      const before = lease === undefined ? null : redis.peek(lease)
      noticeAside(command, caller)
      const reply = compared(command, caller, () => redis.execute(command))
      const after = lease === undefined ? null : redis.peek(lease)
      if (lease !== undefined && after !== null && (reply === 'OK' || reply === 1)) {
        const milliseconds = leaseTime(command)
        const wrong = leases.changed({ name: lease, process: caller.process, before, after, milliseconds })
        if (wrong) seen.leasesTakenAway.push(wrong)
      }
      const fetch = fetches[fetchOf(storedBy(command))]
      if (fetch) fetch.storedAt ??= universe.now()
      const forced = reply === 1 ? forcedFetch(command) : undefined
      if (forced) forced.keptFor = Number(command[Number(command[2]) + 4])
      return reply
    },
    refuses(command) {
      const refused = forcedFetch(command)
      if (refused) refused.refused ||= refused.sent === 1
    },
    answered(command, { process }, reply) {
      noteHolders(command, process, reply)
      const entry = storedBy(command) ?? (command[0] === 'EVAL' && reply === 1 ? forcedBy(command) : null)
      const field = fetches[fetchOf(entry)]?.field
      if (entry && field !== undefined) lastStored.set(`${process} ${field}`, entry)
    },
    hears(event, process) {
      if (event.type !== 'lease.held' || !event.patient) return
      const read = holders.get(`${process} ${event.field}`) ?? []
      if (read.every((holder) => holder.startsWith(`p${process}t`)))
        seen.waitsForItself.push(`p${process} waits for a lease on ${event.field} that it has taken itself`)
    },
    evict: (name) => compared(['evict', name], EVICTION, () => redis.evict(name)),
    fetchBegins(fetch) {
      if (leases.fetchBegins(fetch)) return
      const what = `p${fetch.process} fetched field ${fetch.field} at step ${fetch.began}`
      seen.fetchesWithoutLease.push(`${what} without a lease of its own`)
    },
    goesUncached: leases.goesUncached,
  }
}

/** The entry that a plain SET stores; null for every other command. */
function storedBy([name, key, text]: Command): Entry | null {
  const holdsEntry = !String(key).includes('~') || String(key).includes('~entry:')
  return name === 'SET' && holdsEntry ? decodeEntry(String(text)) : null
}

/** The number of the fetch whose value a SET stores as it is; -1 for every other command. */
function plainlySet([name, key, text]: Command): number {
  if (name !== 'SET' || String(key).includes('~') || decodeEntry(String(text))) return -1
  return (JSON.parse(String(text)) as { fetch?: number }).fetch ?? -1
}

/** The entry among the arguments of the script that commits a force. */
function forcedBy(command: Command): Entry | null {
  return command.map((part) => decodeEntry(String(part))).find((entry) => entry !== null) ?? null
}

function fetchOf(entry: Entry | null): number {
  return entry ? (JSON.parse(entry.body) as { fetch: number }).fetch : -1
}

function lastOf({ body }: Entry): number {
  const { fetch, last = fetch } = JSON.parse(body) as Value
  return last
}

/** A force of a release that keeps its own aside invalidates what others are served: none of them may serve what is older. */
const isForcedAside = (command: Command): boolean =>
  command[0] === 'EVAL' && command.some((part) => String(part).includes('~entry:'))
