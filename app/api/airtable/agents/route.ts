import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRead } from '@/lib/http/routes/fieldRoutes'
import { withRequestId } from '@/lib/http/withRequestId'

export const maxDuration = 60

export const GET = withRequestId((request) => answerRead(request, agentsCacheConfig))
