/** A guard of the engine, taken out: what the simulation or a test has to notice. */
export interface Edit {
  /** Of the shipped file, from `lib` on. */
  file: string
  /** Stands there exactly once. */
  search: string
  replace: string
}

export interface Mutation {
  /** What is wrong then. */
  name: string
  edits: readonly Edit[]
  /** The scenarios that find it, the best one first; without them, all. */
  scenarios?: readonly string[]
  /** The test file that finds it, for guards below what the simulation runs. */
  test?: string
}

/** Throws when the text is not there, or there more than once: then the mutation has to be brought up to date. */
export function applyEdit(source: string, { file, search, replace }: Edit): string {
  const parts = source.split(search)
  if (parts.length !== 2)
    throw new Error(`${file} holds ${parts.length - 1} times what is to be replaced:\n${search}`)
  return parts.join(replace)
}
