import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerHealth } from '@/lib/http/healthRoute'

export const GET = (request: Request) => answerHealth(request, fields)
