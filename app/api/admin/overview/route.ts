import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerOverview } from '@/lib/http/routes/adminRoute'
import { identified } from '@/lib/http/withRequestId'

export const GET = identified((request) => answerOverview(request, fields))
