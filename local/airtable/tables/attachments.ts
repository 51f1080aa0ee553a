import { randomBytes } from 'node:crypto'
import type { Settings } from '../controls'
import type { Answer } from '../errors'
import { newId } from './table'

/** The type of field that holds attachments. */
export const ATTACHMENTS = 'multipleAttachments'

const PATH = /^\/attachments\/(\w+)\/([0-9a-z]+)-\w+\/([^/]+)$/

type Attachment = Readonly<Record<string, unknown>>

const toFileName = ({ filename, url }: Attachment): string =>
  String(
    filename ??
      (String(url ?? '')
        .split('/')
        .at(-1) ||
        'file'),
  )

/** Attachments as they are kept when written: one that was there before stays as it was, a new one gets an id. */
export function keepAttachments(value: unknown, before: unknown): unknown {
  if (!Array.isArray(value)) return value
  const known = Array.isArray(before) ? (before as Attachment[]) : []
  return value.map((item: Attachment) => {
    const same = known.find(({ id }) => id !== undefined && id === item.id)
    return same ?? { ...item, id: newId('att'), filename: toFileName(item) }
  })
}

/** URLs of attachments: another one in each answer, good for `attachmentLifeMs`. They need no key and no place. */
export function createAttachments(settings: Settings, now: () => number, origin: () => string) {
  const buildUrl = (attachment: Attachment): string => {
    const until = Math.ceil(now() + settings.attachmentLifeMs).toString(36)
    const path = [
      String(attachment.id),
      `${until}-${randomBytes(4).toString('hex')}`,
      encodeURIComponent(toFileName(attachment)),
    ]
    return `${origin()}/attachments/${path.join('/')}`
  }
  return {
    /** A cell as it is answered. */
    present(type: string, value: unknown): unknown {
      if (type !== ATTACHMENTS || !Array.isArray(value)) return value
      return value.map((item: Attachment) => ({ ...item, url: buildUrl(item) }))
    },
    /** What one of the URLs is answered; undefined for any other address. */
    serve(path: string): Answer | undefined {
      const [, id, until, name] = PATH.exec(path) ?? []
      if (until === undefined) return undefined
      const dead = now() >= Number.parseInt(until, 36)
      return { status: dead ? 410 : 200, body: dead ? 'Gone' : `${id} ${name}` }
    },
  }
}
