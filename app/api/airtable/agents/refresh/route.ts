import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRefresh } from '@/lib/http/routes/fieldRoutes'
import { withRequestId } from '@/lib/http/withRequestId'

export const maxDuration = 60

export const POST = withRequestId((request) =>
  answerRefresh(request, agentsCacheConfig, 'Failed to refresh agent list'),
)
