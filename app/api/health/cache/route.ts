import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCacheHealth } from '@/lib/http/healthRoute'

export const GET = (request: Request) => answerCacheHealth(request, fields)
