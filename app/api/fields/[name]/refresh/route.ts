import '@/lib/core-services/cache/fieldCacheConfigs'
import { answerByName, answerRefresh } from '@/lib/http/routes/fieldRoutes'
import { withRequestId } from '@/lib/http/withRequestId'

export const maxDuration = 60

export const POST = withRequestId(async (request, { params }: RouteContext<'/api/fields/[name]/refresh'>) =>
  answerByName(request, (await params).name, answerRefresh),
)
