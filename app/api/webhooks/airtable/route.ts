import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerWebhook } from '@/lib/http/routes/webhookRoute'
import { withRequestId } from '@/lib/http/withRequestId'

/** Seconds; Vercel's limit for a function on the Hobby plan. The answer is at once: this is for what follows it. */
export const maxDuration = 300

export const POST = withRequestId((request) => answerWebhook(request, fields))
