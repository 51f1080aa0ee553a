import { invalidateTags } from '@/lib/core-services/cache/invalidate'
import { CHANGE_TAG } from '../../../../names'

/** Answers 204 once Redis has recorded the invalidation, 503 otherwise. */
export async function POST(): Promise<Response> {
  try {
    await invalidateTags([CHANGE_TAG])
    return new Response(null, { status: 204 })
  } catch {
    return new Response(null, { status: 503 })
  }
}
