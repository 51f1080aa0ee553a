import Link from 'next/link'

/** Replaces Next's page, whose inline styles the content security policy blocks. */
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
