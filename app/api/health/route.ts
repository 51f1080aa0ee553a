import { answerHealth } from '@/lib/http/healthRoute'

export const GET = (request: Request) => answerHealth(request)
