import '@/lib/core-services/cache/fieldCacheConfigs'
import { answerByName, answerRead } from '@/lib/http/fieldRoutes'

export const maxDuration = 60

export async function GET(
  request: Request,
  { params }: RouteContext<'/api/fields/[name]'>,
): Promise<Response> {
  return answerByName(request, (await params).name, answerRead)
}
