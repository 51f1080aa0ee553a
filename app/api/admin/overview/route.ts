import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerOverview } from '@/lib/http/adminRoute'
import { identified } from '@/lib/http/identified'

export const GET = identified((request) => answerOverview(request, fields))
