import { identified } from '@/lib/http/identified'
import { answerUnknownRoute } from '@/lib/http/unknownRoute'

export const GET = identified(answerUnknownRoute)
export const POST = identified(answerUnknownRoute)
export const PUT = identified(answerUnknownRoute)
export const PATCH = identified(answerUnknownRoute)
export const DELETE = identified(answerUnknownRoute)
export const OPTIONS = identified(answerUnknownRoute)
