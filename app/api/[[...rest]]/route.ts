import { answerUnknownRoute } from '@/lib/http/routes/unknownRoute'
import { withRequestId } from '@/lib/http/withRequestId'

export const GET = withRequestId(answerUnknownRoute)
export const POST = withRequestId(answerUnknownRoute)
export const PUT = withRequestId(answerUnknownRoute)
export const PATCH = withRequestId(answerUnknownRoute)
export const DELETE = withRequestId(answerUnknownRoute)
export const OPTIONS = withRequestId(answerUnknownRoute)
