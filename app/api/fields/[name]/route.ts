import '@/lib/core-services/cache/fieldCacheConfigs'
import { answerByName, answerRead } from '@/lib/http/fieldRoutes'
import { identified } from '@/lib/http/identified'

export const maxDuration = 60

export const GET = identified(async (request, { params }: RouteContext<'/api/fields/[name]'>) =>
  answerByName(request, (await params).name, answerRead),
)
