import { fileURLToPath } from 'node:url'
import config from '../../../next.config.mjs'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** @type {import('next').NextConfig} */
export default { ...config, turbopack: { root } }
