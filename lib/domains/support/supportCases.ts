/**
 * The support cases of a customer and the messages of a case: two families of fields over the one engine. Where they
 * come from is the caller's: each read brings its fetcher.
 */
import { z } from 'zod'
import { createDomainCache, type DomainMetrics } from '../../core-services/cache/cache-aside/domainCache'
import type { FieldCacheConfig } from '../../core-services/cache/fields/fieldConfig'
import type { FieldRuntime } from '../../core-services/cache/fields/fieldRuntime'
import { buildKey } from '../../core-services/cache/keys'
import { fieldRuntime } from '../../core-services/cache/processContext'
import { processState } from '../../shared/processState'

const supportCaseListSchema = z.object({
  cases: z.array(
    z.object({
      id: z.string(),
      caseNumber: z.string(),
      subject: z.string(),
      status: z.string(),
      priority: z.string().nullable(),
      /** ISO 8601, here and below. */
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
  ),
  totalCount: z.int().nonnegative(),
})
export type SupportCaseList = z.infer<typeof supportCaseListSchema>

const caseMessageListSchema = z.object({
  caseId: z.string(),
  messages: z.array(
    z.object({
      id: z.string(),
      body: z.string(),
      author: z.string(),
      fromCustomer: z.boolean(),
      createdAt: z.string(),
    }),
  ),
})
export type CaseMessageList = z.infer<typeof caseMessageListSchema>

/**
 * Seconds. Time alone limits what the support staff changes: the org sends no change events for cases, nobody needs
 * their answers to the second, and a customer can reload the page. What the customer changes is invalidated at once.
 */
const TTL = {
  /** Customers look at the state of their cases now and then. */
  caseList: 120,
  /** A conversation that is going on. */
  messages: 60,
} as const

/**
 * No answer without asking Redis: a customer who has just written often meets another instance next, which must not
 * show what it remembers from before. That costs a request of a few hundred bytes; the value itself stays in memory.
 */
const MEMORY_TTL_SECONDS = 0

const caseListKey = (sfAccountId: string) => buildKey('support', 'cases', sfAccountId)
const messagesKey = (caseId: string) => buildKey('support', 'messages', caseId)

const caseListField = (
  sfAccountId: string,
  fetcher: () => Promise<SupportCaseList>,
): FieldCacheConfig<SupportCaseList> => ({
  name: 'support-cases',
  key: caseListKey(sfAccountId),
  ttl: TTL.caseList,
  memoryTtl: MEMORY_TTL_SECONDS,
  schema: supportCaseListSchema,
  fetcher,
})

const messagesField = (
  caseId: string,
  fetcher: () => Promise<CaseMessageList>,
): FieldCacheConfig<CaseMessageList> => ({
  name: 'support-messages',
  key: messagesKey(caseId),
  ttl: TTL.messages,
  memoryTtl: MEMORY_TTL_SECONDS,
  schema: caseMessageListSchema,
  fetcher,
})

/** Ids are Salesforce ids; any text works. */
export class SupportCacheService {
  readonly #cache

  constructor(runtime: () => FieldRuntime = fieldRuntime) {
    this.#cache = createDomainCache(['caseList', 'messages'], runtime)
  }

  /**
   * The cases of an account, at most 120 s old. Callers at the same time share one call of a fetcher, in all instances;
   * a failed one rejects each of them with SOURCE_FAILED (its `cause` is the fetcher's own error), SOURCE_TIMEOUT or
   * SOURCE_INVALID, stores nothing, and leaves the source alone for a few seconds.
   */
  getCaseList(sfAccountId: string, fetcher: () => Promise<SupportCaseList>): Promise<SupportCaseList> {
    return this.#cache.read('caseList', caseListField(sfAccountId, fetcher))
  }

  /** The messages of a case, at most 60 s old; else as `getCaseList`. */
  getCaseMessages(caseId: string, fetcher: () => Promise<CaseMessageList>): Promise<CaseMessageList> {
    return this.#cache.read('messages', messagesField(caseId, fetcher))
  }

  /**
   * After the customer has opened a case: no read that starts once this has resolved, in any instance, returns what was
   * fetched before. Rejects with INVALIDATION_FAILED when Redis has not recorded it; the same holds for the next two.
   */
  invalidateCaseList(sfAccountId: string): Promise<void> {
    return this.#cache.invalidate({ key: caseListKey(sfAccountId) })
  }

  /** After the customer has added a comment. */
  invalidateCaseMessages(caseId: string): Promise<void> {
    return this.#cache.invalidate({ key: messagesKey(caseId) })
  }

  /** After any write of the customer: the list and, with `caseId`, its messages, in one request. */
  async invalidateAllForAccount(sfAccountId: string, caseId?: string): Promise<void> {
    await Promise.all([
      this.invalidateCaseList(sfAccountId),
      ...(caseId === undefined ? [] : [this.invalidateCaseMessages(caseId)]),
    ])
  }

  /** MemoryCache of the counters of this process; see `DomainCache.read` for what counts as what. */
  getMetrics(): DomainMetrics<'caseList' | 'messages'> {
    return this.#cache.getMetrics()
  }
}

/** The support cache of this process, and with it the one set of counters. It needs no start of its own. */
export function supportCache(): SupportCacheService {
  return processState('support', () => new SupportCacheService())
}
