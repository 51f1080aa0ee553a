/**
 * Caches two families of fields: the support cases of a customer, and the messages of a case. The caller gives the
 * fetcher.
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

/** In s. Changes by the support staff show after this time, because the org sends no change events for cases. */
const TTL = {
  caseList: 120,
  messages: 60,
} as const

/**
 * Every read checks Redis, because after a write the customer's next request often reaches another instance. The check
 * costs a request of a few hundred bytes; the value still comes from memory.
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
   * The cases of an account, at most 120 s old. Concurrent callers share one call of a fetcher, in all instances. A
   * failed call rejects all of them with SOURCE_FAILED (its `cause` is the fetcher's error), SOURCE_TIMEOUT or
   * SOURCE_INVALID, stores nothing, and begins a cool-down of a few seconds in which the source is not called.
   */
  getCaseList(sfAccountId: string, fetcher: () => Promise<SupportCaseList>): Promise<SupportCaseList> {
    return this.#cache.read('caseList', caseListField(sfAccountId, fetcher))
  }

  /** The messages of a case, at most 60 s old. Rejects as `getCaseList` does. */
  getCaseMessages(caseId: string, fetcher: () => Promise<CaseMessageList>): Promise<CaseMessageList> {
    return this.#cache.read('messages', messagesField(caseId, fetcher))
  }

  /**
   * Call it after the customer has opened a case. Later reads, in any instance, return nothing that was fetched before.
   * Rejects with INVALIDATION_FAILED when Redis did not record it, as the next two do.
   */
  invalidateCaseList(sfAccountId: string): Promise<void> {
    return this.#cache.invalidate({ key: caseListKey(sfAccountId) })
  }

  /** Call it after the customer has added a comment. */
  invalidateCaseMessages(caseId: string): Promise<void> {
    return this.#cache.invalidate({ key: messagesKey(caseId) })
  }

  /** Call it after any write of the customer. Invalidates the list and, with `caseId`, its messages, in one request. */
  async invalidateAllForAccount(sfAccountId: string, caseId?: string): Promise<void> {
    await Promise.all([
      this.invalidateCaseList(sfAccountId),
      ...(caseId === undefined ? [] : [this.invalidateCaseMessages(caseId)]),
    ])
  }

  /** Copies of this process's counters. See `DomainCache.read`. */
  getMetrics(): DomainMetrics<'caseList' | 'messages'> {
    return this.#cache.getMetrics()
  }
}

/** The support cache of this process. It needs no start of its own. */
export function supportCache(): SupportCacheService {
  return processState('support', () => new SupportCacheService())
}
