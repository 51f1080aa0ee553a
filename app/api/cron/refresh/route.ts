import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCron } from '@/lib/http/routes/cronRoute'
import { withRequestId } from '@/lib/http/withRequestId'

/** Seconds; Vercel's limit for a function on the Hobby plan. */
export const maxDuration = 300

export const GET = withRequestId((request) => answerCron(request, fields, maxDuration))
