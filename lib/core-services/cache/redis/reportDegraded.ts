import { getErrorCode, getErrorMessage } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'

/** Reports that Redis failed at an operation, and that the work goes on without it. */
export function reportDegraded({ emit }: Pick<Ports, 'emit'>, operation: string, error: unknown): void {
  emit({ type: 'redis.degraded', operation, code: getErrorCode(error), message: getErrorMessage(error) })
}
