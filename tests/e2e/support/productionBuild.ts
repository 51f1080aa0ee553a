import { startBackends } from './backends'
import { runNext } from './nextProcess'

/**
 * Builds the app once for all browser tests, in the mode that CACHE_COMPONENTS names. The build has working credentials
 * on purpose: it fails if it makes use of them.
 */
export default async function buildOnce(): Promise<void> {
  const backends = await startBackends()
  try {
    const { code, output } = await runNext(['build'], backends.env)
    if (code !== 0) throw new Error(`next build failed:\n${output}`)
    const calls = {
      redis: backends.redis.upstash.counters.requests,
      airtable: backends.airtable.counters.requests,
    }
    if (calls.redis + calls.airtable > 0)
      throw new Error(`next build called its backends: ${JSON.stringify(calls)}`)
  } finally {
    await backends.stop()
  }
}
