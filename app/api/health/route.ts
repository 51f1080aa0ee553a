import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerHealth } from '@/lib/http/routes/healthRoute'
import { identified } from '@/lib/http/withRequestId'

export const GET = identified((request) => answerHealth(request, fields))
