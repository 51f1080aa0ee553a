import { answerMetrics } from '@/lib/http/routes/metricsRoute'
import { withRequestId } from '@/lib/http/withRequestId'

export const GET = withRequestId(answerMetrics)
