/** Events of which the latest is kept, one row each. */
import type { RefreshReason } from '../../../shared/events'
import { lastEvent } from '../kinds/lastEvent'
import { toCronOutcome } from './metrics'

/** How many ids of flawed records are kept. */
const MAX_IDS = 5

/** Kept for each field. */
export const FIELD_LAST = {
  /** The last value that the source delivered. */
  lastSuccess: lastEvent({
    stored: 'success',
    from: {
      'refresh.finished'({ reason, durationMs, bytes, items, stored }) {
        return [reason, Math.round(durationMs), bytes, items ?? '', stored ? 'stored' : 'unstored']
      },
    },
    parse: (at, reason, durationMs, bytes, items, outcome) => ({
      at,
      reason: reason as RefreshReason,
      durationMs: Number(durationMs),
      /** Of the value as JSON. */
      bytes: Number(bytes),
      /** The length of a list; null for every other value. */
      items: items === '' ? null : Number(items),
      stored: outcome === 'stored',
    }),
  }),
  /** The last refresh that failed; a later success does not clear it. */
  lastFailure: lastEvent({
    stored: 'failure',
    from: {
      'refresh.failed'({ reason, durationMs, cause, code }) {
        return [reason, Math.round(durationMs), cause ?? code]
      },
    },
    parse: (at, reason, durationMs, code = 'UNKNOWN') => ({
      at,
      reason: reason as RefreshReason,
      durationMs: Number(durationMs),
      /** Of the error, or of its cause, such as AIRTABLE_TIMEOUT. */
      code,
    }),
  }),
  /** The last value that was made although some records were flawed; a later value does not clear it. */
  lastFlaws: lastEvent({
    stored: 'flawed',
    from: {
      'source.flawed': ({ unreadable, errors, ids }) => [unreadable, errors, ...ids.slice(0, MAX_IDS)],
    },
    parse: (at, unreadable, errors, ...ids) => ({
      at,
      /** Records that could not be read. */
      unreadable: Number(unreadable),
      /** Cells that hold an error of a formula. */
      errors: Number(errors),
      /** Of some of these records. */
      ids: ids as readonly string[],
    }),
  }),
}

/** Kept for the whole deployment. */
export const SYSTEM_LAST = {
  /** The last run that was not skipped; `at`: when it ended. `unfinished`: fields whose refresh goes on in the next run. */
  lastCronRun: lastEvent({
    stored: 'cron',
    from: {
      'cron.finished'(run) {
        const { durationMs, refreshed, fresh, skipped, failed, unfinished } = run
        const outcome = toCronOutcome(run)
        if (outcome === 'skipped') return null
        return [outcome, Math.round(durationMs), refreshed, fresh, skipped, failed, unfinished]
      },
    },
    parse(at, outcome, ...counts) {
      const [durationMs = 0, refreshed = 0, fresh = 0, skipped = 0, failed = 0, unfinished = 0] =
        counts.map(Number)
      const result = outcome as 'ok' | 'failed'
      return { at, outcome: result, durationMs, refreshed, fresh, skipped, failed, unfinished }
    },
  }),
}
