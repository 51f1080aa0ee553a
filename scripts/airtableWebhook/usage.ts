import { type CodedError, codedError } from '../../lib/shared/errors'

export const HELP = `Creates and maintains the webhooks by which Airtable announces changes to this app.

  npm run airtable:webhook -- create --url https://app.example/api/webhooks/airtable [--table tbl…]
  npm run airtable:webhook -- list | status | refresh [ach…] | delete ach…

  create    creates a webhook for each table that configured fields read, or for those named by --table; prints the
            secret of each for AIRTABLE_WEBHOOK_SECRETS, because Airtable shows it only once
  list      lists all webhooks of the bases that fields read, including those of other programs
  status    shows the state of each, and whether its secret is in the environment; exit code 1 when one with a secret
            is dead or its pings fail
  refresh   gives seven more days to the webhooks whose secret is in the environment, or to the named one
  delete    deletes a webhook

Variables and .env files are read as next dev does, or as next start does with NODE_ENV=production. The token in
AIRTABLE_API_KEY needs the scopes data.records:read, schema.bases:read and webhook:manage, and an owner who is a creator
of the base.
`

export const usageInvalid = (problem: string, hint = 'See npm run airtable:webhook -- --help.'): CodedError =>
  codedError('USAGE_INVALID', problem, { hint })
