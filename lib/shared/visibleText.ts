/** What is to be seen of a text: neither white space, nor controls, nor what Unicode has fonts show as nothing. */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\u2800]/u

/** The first character that shows; empty for a text of invisible ones alone. */
export const firstVisible = (text: string): string => VISIBLE.exec(text)?.[0] ?? ''
