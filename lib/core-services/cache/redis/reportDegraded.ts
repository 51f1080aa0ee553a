import { getErrorCode, getErrorMessage } from '../../../shared/errors'
import type { Ports } from '../../../shared/ports'

/** Reports a failure of Redis after which the work goes on. */
export function reportDegraded({ emit }: Pick<Ports, 'emit'>, operation: string, error: unknown): void {
  emit({ type: 'redis.degraded', operation, code: getErrorCode(error), message: getErrorMessage(error) })
}
