import { vi } from 'vitest'
import type { FieldCacheConfig } from '@/lib/core-services/cache/fields/fieldConfig'

/** The field `people` over a source that answers `v1` until `version` is set. Call `reset` before each test. */
export function versionedField() {
  const source = { version: 1 }
  const answer = async () => `v${source.version}`
  const fetcher = vi.fn(answer)
  const people: FieldCacheConfig<string> = {
    name: 'people',
    key: 'people',
    tags: ['people'],
    ttl: 3_600,
    fetcher,
  }
  return {
    source,
    answer,
    fetcher,
    people,
    calls: () => fetcher.mock.calls.length,
    reset() {
      source.version = 1
      fetcher.mockClear()
    },
  }
}
