import '../../../../../fields'
import { answerByName, answerRefresh } from '@/lib/http/routes/fieldRoutes'

type Context = { params: Promise<{ name: string }> }

export async function POST(request: Request, { params }: Context): Promise<Response> {
  return answerByName(request, (await params).name, answerRefresh)
}
