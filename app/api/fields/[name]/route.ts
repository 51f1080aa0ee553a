import '@/lib/core-services/cache/fieldCacheConfigs'
import { answerByName, answerRead } from '@/lib/http/routes/fieldRoutes'
import { withRequestId } from '@/lib/http/withRequestId'

export const maxDuration = 60

export const GET = withRequestId(async (request, { params }: RouteContext<'/api/fields/[name]'>) =>
  answerByName(request, (await params).name, answerRead),
)
