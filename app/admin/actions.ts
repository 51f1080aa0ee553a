'use server'

import { fields } from '@/lib/core-services/cache/fieldCacheConfigs'
import {
  type RefreshAnswer,
  refreshAllByHand,
  refreshByHand,
  type SignInAnswer,
  signInToAdmin,
  signOutOfAdmin,
} from '@/lib/pages/adminActions'
import { inThisRequest } from '@/lib/pages/thisRequest'

/** How long refreshes go on after the answer, in ms: `maxDuration` of the page, minus the time to record the outcome. */
const WORK_MS = 295_000

export async function signIn(_before: SignInAnswer, form: FormData): Promise<SignInAnswer> {
  return inThisRequest(() => signInToAdmin(textIn(form, 'token')))
}

export async function signOut(): Promise<void> {
  return inThisRequest(signOutOfAdmin)
}

export async function refreshField(_before: RefreshAnswer | null, form: FormData): Promise<RefreshAnswer> {
  return inThisRequest(() => refreshByHand(textIn(form, 'name'), WORK_MS))
}

export async function refreshAllFields(_before: RefreshAnswer | null): Promise<RefreshAnswer> {
  return inThisRequest(() => refreshAllByHand(fields, WORK_MS))
}

/** Actions are public endpoints: a client can send anything. */
function textIn(form: unknown, name: string): string {
  const given = form instanceof FormData ? form.get(name) : null
  return typeof given === 'string' ? given : ''
}
