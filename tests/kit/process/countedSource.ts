import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call of the source. */
export interface SourceCall {
  /** The key of the field that it was asked for. */
  key: string
  /** The process that asked. */
  by: number
}

/** Answers with a status and a text; a promise lets the test decide when. */
export type SourceAnswer = (call: SourceCall) => Promise<{ status?: number; text: string }>

/** A source that several processes share, so that calls of all of them are counted in one place. */
export interface CountedSource {
  readonly url: string
  readonly calls: readonly SourceCall[]
  /** Forgets the calls, and answers like this from now on. */
  answer(answer: SourceAnswer): void
  close(): Promise<void>
}

export async function startCountedSource(): Promise<CountedSource> {
  let calls: SourceCall[] = []
  let current: SourceAnswer = async () => ({ text: '' })
  const server = createServer(async (request, response) => {
    const query = new URL(request.url ?? '', 'http://source.test').searchParams
    const call = { key: query.get('key') ?? '', by: Number(query.get('by')) }
    calls.push(call)
    const { status = 200, text } = await current(call)
    response.writeHead(status).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    get calls() {
      return calls
    },
    answer(answer) {
      calls = []
      current = answer
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
