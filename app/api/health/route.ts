import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import { answerHealth } from '@/lib/http/healthRoute'
import { identified } from '@/lib/http/identified'

export const GET = identified((request) => answerHealth(request, fields))
