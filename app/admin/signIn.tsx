'use client'

import { useRouter } from 'next/navigation'
import { useActionState, useEffect } from 'react'
import { duration } from '@/lib/admin/format'
import type { SignInAnswer } from '@/lib/pages/adminActions'
import { signIn } from './actions'

interface Props {
  /** There may be a session: browsers do not send its cookie when the page is opened by a link on another site. */
  lookAgain?: boolean
  note?: string
}

export function SignIn({ lookAgain = false, note }: Props) {
  const router = useRouter()
  const [answer, submit, pending] = useActionState(signIn, null)
  useEffect(() => {
    if (lookAgain) router.refresh()
  }, [lookAgain, router])
  return (
    <div className="door">
      <h1>Sign in to Field Cache</h1>
      <p className="quiet">{note ?? 'See how old the data of this site is, and renew it.'}</p>
      <form action={submit}>
        {/* Password managers want a name to file the token under. */}
        <input type="text" name="username" autoComplete="username" value="admin" readOnly hidden />
        <label htmlFor="token">Admin token</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="current-password"
          required
          aria-invalid={answer !== null}
          aria-describedby="sign-in-problem"
        />
        <p id="sign-in-problem" className="problem" role="alert">
          {describeProblem(answer)}
        </p>
        <button type="submit" className="strong" aria-disabled={pending}>
          {pending ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </div>
  )
}

function describeProblem(answer: SignInAnswer): string {
  switch (answer?.problem) {
    case 'wrong':
      return 'This is not the admin token.'
    case 'limited':
      return `Too many wrong tokens. Wait ${duration(answer.retryAfter)} before you try another; the right one works at any time.`
    case 'foreign':
      return 'Your browser did not confirm that the request came from this page. Reload the page and try again.'
    default:
      return ''
  }
}
