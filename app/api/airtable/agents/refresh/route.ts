import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRefresh } from '@/lib/http/fieldRoutes'
import { identified } from '@/lib/http/identified'

export const maxDuration = 60

export const POST = identified((request) =>
  answerRefresh(request, agentsCacheConfig, 'Failed to refresh agent list'),
)
