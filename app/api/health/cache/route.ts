import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCacheHealth } from '@/lib/http/routes/healthRoute'
import { identified } from '@/lib/http/withRequestId'

export const GET = identified((request: Request) => answerCacheHealth(request, fields))
