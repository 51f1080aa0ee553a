import { sendOnce } from './sendOnce'
import type { RedisEngine } from './types'

export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//')
}

export async function attachExternal(url: string): Promise<RedisEngine> {
  try {
    await sendOnce(url, ['PING'])
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`no Redis answers at ${withoutCredentials(url)}: ${reason}`)
  }
  return { kind: 'external', url, stop: async () => undefined }
}
