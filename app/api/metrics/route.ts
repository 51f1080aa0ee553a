import { identified } from '@/lib/http/identified'
import { answerMetrics } from '@/lib/http/metricsRoute'

export const GET = identified(answerMetrics)
