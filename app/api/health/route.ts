import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerHealth } from '@/lib/http/routes/healthRoute'
import { withRequestId } from '@/lib/http/withRequestId'

export const GET = withRequestId((request) => answerHealth(request, fields))
