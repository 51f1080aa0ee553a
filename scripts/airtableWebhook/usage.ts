import { type CodedError, codedError } from '../../lib/shared/errors'

export const HELP = `Makes and looks after the webhooks by which Airtable tells this app what has changed.

  npm run airtable:webhook -- create --url https://app.example/api/webhooks/airtable [--table tbl…]
  npm run airtable:webhook -- list | status | refresh [ach…] | delete ach…

  create    one webhook for each table that configured fields read, or for those named by --table; prints the
            secret of each, which Airtable tells once, as it goes into AIRTABLE_WEBHOOK_SECRETS
  list      all webhooks of the bases that fields read, other programs' among them
  status    how each of them is, and whether its secret is in the environment; exit code 1 when one of ours is not well
  refresh   gives seven more days to those whose secret is in the environment, or to the one that is named
  delete    deletes one

Variables and .env files are read as next dev does, or as next start does with NODE_ENV=production. The token in
AIRTABLE_API_KEY needs the scopes data.records:read, schema.bases:read and webhook:manage, and an owner who is a creator
of the base.
`

export const usageInvalid = (problem: string, hint = 'See npm run airtable:webhook -- --help.'): CodedError =>
  codedError('USAGE_INVALID', problem, { hint })
