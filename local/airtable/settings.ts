/** The port the local Airtable server has unless it is told another. */
export const LOCAL_PORT = 8078

/** What one page of the real service takes, in milliseconds. */
export const DEFAULT_LATENCY_MS = 200

/** The key the local server accepts: no secret, as it opens nothing but sample data on this machine. */
export const LOCAL_API_KEY = 'patLocalDevelopment'
