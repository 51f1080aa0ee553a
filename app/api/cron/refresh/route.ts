import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCron } from '@/lib/http/cronRoute'

/** Seconds; Vercel's limit for a function on the Hobby plan. */
export const maxDuration = 300

export const GET = (request: Request) => answerCron(request, fields, maxDuration)
