/** Every rule in the order in which it is tried: the first that fits decides. */
import type { Microsoft365FaultCode } from '../faults.ts';
import { appAndTenantRules } from './app-and-tenant.ts';
import { clientCredentialRules } from './client-credential.ts';
import { deliveryRules } from './delivery.ts';
import type { SmtpRule, TokenRule } from './rules.ts';
import { signInRules } from './sign-in.ts';
import { submissionRules } from './submission.ts';
import { tokenRequestRules } from './token-request.ts';
import { tokenServiceRules } from './token-service.ts';

/** What a token endpoint refuses. Client credentials stand last: their last rule is 70002, which stands beside a more exact number. */
export const tokenRules: readonly TokenRule<Microsoft365FaultCode>[] = [
  ...appAndTenantRules,
  ...tokenRequestRules,
  ...tokenServiceRules,
  ...clientCredentialRules,
];

/** What Exchange Online replies. */
export const smtpRules: readonly SmtpRule<Microsoft365FaultCode>[] = [
  ...signInRules,
  ...deliveryRules,
  ...submissionRules,
];
