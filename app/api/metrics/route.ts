import { answerMetrics } from '@/lib/http/routes/metricsRoute'
import { identified } from '@/lib/http/withRequestId'

export const GET = identified(answerMetrics)
