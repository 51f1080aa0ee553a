import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerOverview } from '@/lib/http/routes/adminRoute'
import { withRequestId } from '@/lib/http/withRequestId'

export const GET = withRequestId((request) => answerOverview(request, fields))
