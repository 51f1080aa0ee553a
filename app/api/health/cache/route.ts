import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerCacheHealth } from '@/lib/http/healthRoute'
import { identified } from '@/lib/http/identified'

export const GET = identified((request: Request) => answerCacheHealth(request, fields))
