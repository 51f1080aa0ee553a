/** Bytes as text, since the REST API carries text. Node's Buffer, because nothing that runs everywhere is as fast. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** Null for what `toBase64` does not write: Node's own reads over what it does not know, so that two texts are one. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return toBase64(bytes) === text ? bytes : null
}
