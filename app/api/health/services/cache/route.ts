export { GET } from '@/app/api/health/cache/route'
