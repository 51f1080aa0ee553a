import '@/lib/core-services/cache/fieldCacheConfigs'
import { answerByName, answerRefresh } from '@/lib/http/fieldRoutes'

export const maxDuration = 60

export async function POST(
  request: Request,
  { params }: RouteContext<'/api/fields/[name]/refresh'>,
): Promise<Response> {
  return answerByName(request, (await params).name, answerRefresh)
}
