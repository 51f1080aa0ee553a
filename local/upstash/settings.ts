/** The port the local Upstash server has unless it is told another; not 8080, which half the world's examples take. */
export const LOCAL_PORT = 8079
