import { answerUnknownRoute } from '@/lib/http/routes/unknownRoute'
import { identified } from '@/lib/http/withRequestId'

export const GET = identified(answerUnknownRoute)
export const POST = identified(answerUnknownRoute)
export const PUT = identified(answerUnknownRoute)
export const PATCH = identified(answerUnknownRoute)
export const DELETE = identified(answerUnknownRoute)
export const OPTIONS = identified(answerUnknownRoute)
