/** The part of Standard Schema (standardschema.dev) that the cache needs; zod, valibot and arktype have it. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>
  }
}

type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** `refused`: the value is intact, but only another release's schema may accept it. */
export type Checked<T> = { ok: true; value: T } | { ok: false; reason: string; refused: boolean }

export async function checkBody<T>(schema: StandardSchema<T> | undefined, body: string): Promise<Checked<T>> {
  try {
    return await checkSchema(schema, JSON.parse(body))
  } catch {
    return { ok: false, reason: 'it is not JSON', refused: false }
  }
}

/** The reason names paths and rules, never values. */
async function checkSchema<T>(schema: StandardSchema<T> | undefined, value: unknown): Promise<Checked<T>> {
  if (!schema) return { ok: true, value: value as T }
  let result: SchemaResult<T>
  try {
    result = await schema['~standard'].validate(value)
  } catch {
    // A rule for the new shape can throw on a stored value of the old one.
    return { ok: false, reason: 'the schema threw an error', refused: true }
  }
  if (!result.issues) return { ok: true, value: result.value }
  const [first] = result.issues
  const path = (first?.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  const more = result.issues.length > 1 ? ` (and ${result.issues.length - 1} more)` : ''
  const reason = `${path === '' ? 'the value' : path}: ${first?.message ?? 'refused'}${more}`
  return { ok: false, reason, refused: true }
}
