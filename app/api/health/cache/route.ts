import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCacheHealth } from '@/lib/http/routes/healthRoute'
import { withRequestId } from '@/lib/http/withRequestId'

export const GET = withRequestId((request: Request) => answerCacheHealth(request, fields))
