/**
 * From the fault that a client reported to the one that Microsoft's words mean.
 *
 * The lower layers say what happened on the wire; only here is it known what Microsoft means by it. The tables of
 * `faults/` decide, in the order of their groups. What is not in them stays as it was reported: a wrong explanation is worse than none.
 */
import type { Fault, FaultDetails, SmtpEvidence, TokenEvidence } from '@postbearer/core';
import { valuesOf, type Microsoft365Context } from './context.ts';
import { smtpRules, tokenRules } from './faults/all-rules.ts';
import { graphErrors } from './faults/graph.ts';
import { findSmtpRule, findTokenRule } from './faults/rules.ts';
import { deniedSender } from './faults/submission.ts';
import { microsoft365Faults, type Microsoft365FaultCode } from './faults.ts';
import { isCommunicationServices, isEntra, isExchangeOnline } from './microsoft-hosts.ts';
import { judgeClaims } from './token-claims.ts';

interface Recognised {
  readonly code: Microsoft365FaultCode;
  readonly aadsts?: number;
}

function recogniseToken(evidence: TokenEvidence): Recognised | undefined {
  const graphCode = evidence.error === undefined ? undefined : graphErrors[evidence.error];
  if (graphCode !== undefined) return { code: graphCode };
  if (!isEntra(evidence.endpoint)) return undefined;
  const found = findTokenRule(tokenRules, evidence);
  return found === undefined ? undefined : { code: found.fault, aadsts: found.aadsts };
}

/** `535 5.7.3` names no reason; what the token says decides which causes are left. */
function refineRefusal(context: Microsoft365Context): Microsoft365FaultCode {
  if (context.claims !== undefined) return judgeClaims(context) ?? 'M365_MAILBOX_NOT_GRANTED';
  return context.clientId === undefined ? 'M365_PASSWORD_REFUSED' : 'M365_SIGN_IN_REFUSED';
}

function recogniseSmtp(evidence: SmtpEvidence, context: Microsoft365Context): Recognised | undefined {
  if (isCommunicationServices(evidence.host)) {
    const isRefusal = evidence.stage === 'auth' && evidence.code === 535;
    return isRefusal ? { code: 'M365_ACS_SIGN_IN_REFUSED' } : undefined;
  }
  if (!isExchangeOnline(evidence.host, context)) return undefined;
  const code = findSmtpRule(smtpRules, evidence);
  if (code === undefined) return undefined;
  return { code: code === 'M365_SIGN_IN_REFUSED' ? refineRefusal(context) : code };
}

/** The sender of the message, which need not be that of the settings; unknown where neither names one beside the mailbox. */
function withDeniedSender(context: Microsoft365Context, evidence: SmtpEvidence): Microsoft365Context {
  const { fromAddress: usual, ...rest } = context;
  const fromAddress = deniedSender(evidence) ?? (usual === context.mailbox ? undefined : usual);
  return fromAddress === undefined ? rest : { ...rest, fromAddress };
}

function detailsOf(fault: Fault): FaultDetails {
  const { during, evidence, retryAfterMs } = fault;
  return {
    ...(during === undefined ? {} : { during }),
    ...(evidence === undefined ? {} : { evidence }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    reported: fault.code,
  };
}

/**
 * The more precise fault behind a reported one, with the reader's own values in its remedy; the same object where nothing
 * more is known. `reported` holds the former code; `during`, `evidence` and `retryAfterMs` are kept.
 *
 * @example
 * ```ts
 * import { defineFaults } from '@postbearer/core';
 * import { explainFault } from '@postbearer/microsoft365';
 *
 * const reported = defineFaults({
 *   SMTP_EXAMPLE: { title: 'Refused', message: 'Refused.', cause: 'Unknown.', remedy: { steps: ['Ask.'] }, next: 'give-up' },
 * }).make('SMTP_EXAMPLE', {}, {
 *   evidence: {
 *     kind: 'smtp', stage: 'auth', host: 'smtp.office365.com', code: 535, enhanced: '5.7.139',
 *     lines: ['Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. [HOST.prod.outlook.com]'],
 *   },
 * });
 * const fault = explainFault(reported, { mailbox: 'notifications@contoso.com' });
 * fault.code; // => 'M365_SMTP_AUTH_DISABLED_MAILBOX'
 * fault.remedy.command; // => 'Set-CASMailbox -Identity notifications@contoso.com -SmtpClientAuthenticationDisabled $false'
 * ```
 */
export function explainFault(fault: Fault, context: Microsoft365Context): Fault {
  const { evidence } = fault;
  // An uncertain outcome stays one, whatever was said: the message may have been accepted.
  if (evidence === undefined || fault.next === 'uncertain' || fault.code.startsWith('M365_')) return fault;
  if (evidence.kind === 'token') {
    const found = recogniseToken(evidence);
    if (found === undefined) return fault;
    const values = { ...valuesOf(context, { endpoint: evidence.endpoint }), aadsts: found.aadsts };
    return microsoft365Faults.make(found.code, values, detailsOf(fault));
  }
  if (evidence.kind !== 'smtp') return fault;
  const found = recogniseSmtp(evidence, context);
  if (found === undefined) return fault;
  const known = found.code === 'M365_SEND_AS_DENIED' ? withDeniedSender(context, evidence) : context;
  return microsoft365Faults.make(found.code, valuesOf(known, { host: evidence.host }), detailsOf(fault));
}

/**
 * What the claims in a context say against its token, as a fault; `undefined` where they say nothing against it or are not
 * known. `M365_TOKEN_WITHOUT_ROLE` is a hint only: under RBAC for Applications a token needs no role.
 *
 * @example
 * ```ts
 * import { explainClaims } from '@postbearer/microsoft365';
 *
 * explainClaims({ claims: { aud: 'https://graph.microsoft.com' } })?.code; // => 'M365_TOKEN_AUDIENCE_WRONG'
 * explainClaims({ claims: { aud: 'https://outlook.office365.com', roles: ['SMTP.SendAsApp'] } }); // => undefined
 * ```
 */
export function explainClaims(context: Microsoft365Context): Fault | undefined {
  const code = judgeClaims(context);
  return code === undefined ? undefined : microsoft365Faults.make(code, valuesOf(context));
}
