import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRefresh } from '@/lib/http/fieldRoutes'

export const maxDuration = 60

export const POST = (request: Request) =>
  answerRefresh(request, agentsCacheConfig, 'Failed to refresh agent list')
