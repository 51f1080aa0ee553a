/** Requests that no browser would send, and the sign-in as a browser without scripts sends it. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

export interface Visit {
  method?: string
  headers?: Record<string, string>
  body?: string | Buffer
}

/** As `fetch`, but with the path as it is, any header and any method; 0 when the connection ends without an answer. */
export function visit(
  base: string,
  path: string,
  { method = 'GET', headers = {}, body }: Visit = {},
): Promise<Answer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve) => {
    const lost = () => resolve({ status: 0, headers: {}, text: '' })
    const sent = request({ hostname, port, path, method, headers, agent: false }, async (response) => {
      try {
        const chunks = await response.toArray()
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
      } catch {
        lost()
      }
    })
    sent.on('error', lost)
    sent.end(body)
  })
}

/** Bytes as they are; resolves with the first line that is answered, empty if the connection ends before. */
export function sendRaw(base: string, text: string): Promise<string> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve) => {
    let answered = ''
    const socket = connect(Number(port), hostname, () => socket.end(text))
    socket.on('data', (chunk) => (answered += chunk.toString()))
    socket.on('close', () => resolve(answered.split('\r\n')[0] ?? ''))
    socket.on('error', () => resolve(''))
  })
}

/** Connections on which so much is sent, and nothing more. */
export function openConnections(base: string, count: number, text = ''): Promise<Socket[]> {
  const { hostname, port } = new URL(base)
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        if (text !== '') socket.write(text)
        resolve(socket)
      })
      socket.on('error', reject)
    })
  return Promise.all(Array.from({ length: count }, open))
}

/** What makes a request look as if a page of the site had sent it. */
export const fromHere = (base: string) => ({ origin: base, 'sec-fetch-site': 'same-origin' })

/** The form of the sign-in page, filled in. `fields`: what the page has in it besides the token. */
export function signInForm(fields: Record<string, string>, token: string): { type: string; body: string } {
  const boundary = 'a-boundary-of-the-tests'
  const parts = Object.entries({ ...fields, token }).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  return { type: `multipart/form-data; boundary=${boundary}`, body: `${parts.join('')}--${boundary}--\r\n` }
}

/** The hidden fields of the form, which name the Server Action. */
export async function signInFields(base: string, path = '/admin'): Promise<Record<string, string>> {
  const { text } = await visit(base, path)
  const hidden = [...text.matchAll(/<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?/g)]
  return Object.fromEntries(
    hidden.map(([, name = '', value = '']) => [name, value.replaceAll('&quot;', '"')]),
  )
}

/** Signs in without scripts; the cookie of the session, undefined when it was refused. */
export async function signInByForm(
  base: string,
  fields: Record<string, string>,
  token: string,
  headers: Record<string, string> = {},
  path = '/admin',
): Promise<{ status: number; cookie: string | undefined; text: string }> {
  const { type, body } = signInForm(fields, token)
  const sent = { ...fromHere(base), 'content-type': type, ...headers }
  const answer = await visit(base, path, { method: 'POST', headers: sent, body })
  const [cookie] = [answer.headers['set-cookie'] ?? []].flat()
  return { status: answer.status, cookie: cookie?.split(';')[0], text: answer.text }
}

/** Resident memory of a process, in bytes; 0 where the system does not tell. */
export function residentBytes(pid: number): number {
  try {
    const [, pages = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Number(pages) * 4_096
  } catch {
    return 0
  }
}
