import { agentsCacheConfig } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerRead } from '@/lib/http/fieldRoutes'
import { identified } from '@/lib/http/identified'

export const maxDuration = 60

export const GET = identified((request) => answerRead(request, agentsCacheConfig))
