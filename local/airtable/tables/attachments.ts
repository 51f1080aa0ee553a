import { randomBytes } from 'node:crypto'
import type { Settings } from '../controls'
import type { Answer } from '../errors'
import { newId } from './table'

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

/** Keeps known attachments unchanged, and gives new ones an id. */
export function keepAttachments(value: unknown, before: unknown): unknown {
  if (!Array.isArray(value)) return value
  const known = Array.isArray(before) ? (before as Attachment[]) : []
  return value.map((item: Attachment) => {
    const same = known.find(({ id }) => id !== undefined && id === item.id)
    return same ?? { ...item, id: newId('att'), filename: toFileName(item) }
  })
}

/** Each answer has another URL, valid for `attachmentLifeMs`. */
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
    present(type: string, value: unknown): unknown {
      if (type !== ATTACHMENTS || !Array.isArray(value)) return value
      return value.map((item: Attachment) => ({ ...item, url: buildUrl(item) }))
    },
    /** Undefined for an address that is not an attachment's. */
    serve(path: string): Answer | undefined {
      const [, id, until, name] = PATH.exec(path) ?? []
      if (until === undefined) return undefined
      const isExpired = now() >= Number.parseInt(until, 36)
      return { status: isExpired ? 410 : 200, body: isExpired ? 'Gone' : `${id} ${name}` }
    },
  }
}
