import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerOverview } from '@/lib/http/adminRoute'

export const GET = (request: Request) => answerOverview(request, fields)
