import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRead } from '@/lib/http/fieldRoutes'

export const maxDuration = 60

export const GET = (request: Request) => answerRead(request, agentsCacheConfig)
