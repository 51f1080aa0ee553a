/** What callers ask of a force: the options in which those of one key can differ. */
import { FETCH_TIMEOUT_MS } from './times'

/** A user, one without the admin's token, the cron, and Airtable with its changes. */
export const ASKERS = ['user', 'anonymous', 'cron', 'change'] as const

export interface ForceOptions {
  by: (typeof ASKERS)[number]
  /** In s. */
  ttl: number
  /** 0 for that of the field, 1 for another one. */
  fetcher: number
  purge: boolean
  timeoutMs: number
}

/** What a force asks for that names nothing else. */
export const defaultForceOptions = ({ ttl }: { ttl: number }): ForceOptions => ({
  by: 'user',
  ttl,
  fetcher: 0,
  purge: false,
  timeoutMs: FETCH_TIMEOUT_MS,
})

/** The reasons of the fetches that may serve it. */
export function reasonsFor({ by }: ForceOptions): readonly string[] {
  if (by === 'cron' || by === 'change') return ['force', by]
  return ['force']
}
