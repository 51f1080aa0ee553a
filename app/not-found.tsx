import Link from 'next/link'

/** Next's own has inline styles, which the content security policy blocks. */
export default function NotFound() {
  return (
    <main>
      <h1>There is no such page</h1>
      <p>
        <Link href="/">To the sales agents</Link>
      </p>
    </main>
  )
}
