import { answerMetrics } from '@/lib/http/metricsRoute'

export const GET = (request: Request) => answerMetrics(request)
