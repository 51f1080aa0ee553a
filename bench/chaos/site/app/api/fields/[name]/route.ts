import '../../../../fields'
import { answerByName, answerRead } from '@/lib/http/routes/fieldRoutes'

type Context = { params: Promise<{ name: string }> }

export async function GET(request: Request, { params }: Context): Promise<Response> {
  return answerByName(request, (await params).name, answerRead)
}
