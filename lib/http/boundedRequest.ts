/** The bytes of a request's body as they came; undefined for more than `maxBytes`, and when they stop coming. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    const reader = request.body?.getReader()
    for (;;) {
      const { done = true, value } = (await reader?.read()) ?? {}
      if (done || !value) return Buffer.concat(chunks)
      bytes += value.byteLength
      if (bytes > maxBytes) {
        await reader?.cancel()
        return undefined
      }
      chunks.push(value)
    }
  } catch {
    return undefined
  }
}
