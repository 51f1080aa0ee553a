import { type CodedError, codedError } from '../../../shared/errors'
import { describeTarget, type HookTarget } from './airtableErrors'

const SCOPES = 'data.records:read, schema.bases:read and webhook:manage'

export const webhookUnauthorized = (target: HookTarget): CodedError =>
  codedError(
    'AIRTABLE_UNAUTHORIZED',
    `Airtable refused the key in AIRTABLE_API_KEY (${describeTarget(target)})`,
    { hint: `Make a personal access token with the scopes ${SCOPES} and put it into AIRTABLE_API_KEY.` },
  )

/** Airtable does not tell a missing role, a missing scope and a missing base apart. */
export const webhookForbidden = (target: HookTarget): CodedError =>
  codedError(
    'AIRTABLE_FORBIDDEN',
    `The key in AIRTABLE_API_KEY may not do this with ${describeTarget(target)}, or there is no such base`,
    {
      hint: `Add the base to the token, with the scopes ${SCOPES}; its owner must be a creator of the base to make, refresh, switch on or delete webhooks.`,
    },
  )

export const webhookUnknown = (target: HookTarget): CodedError =>
  codedError('AIRTABLE_WEBHOOK_UNKNOWN', `Airtable does not know ${describeTarget(target)}`, {
    hint: 'It was deleted, or has been dead for a week: make a new one with npm run airtable:webhook -- create.',
  })

export const webhooksFull = (target: HookTarget): CodedError =>
  codedError(
    'AIRTABLE_WEBHOOKS_FULL',
    `Base ${target.baseId} has 10 webhooks already, as many as there can be`,
    {
      hint: 'Delete one that is no longer needed: npm run airtable:webhook -- list, then delete <id>.',
    },
  )

export const webhookRefused = (target: HookTarget, detail: string): CodedError =>
  codedError('AIRTABLE_REFUSED', `Airtable refused the request for ${describeTarget(target)}: ${detail}`, {
    hint: 'Check it with npm run airtable:webhook -- status. A webhook cannot be changed: delete it and create another.',
  })
