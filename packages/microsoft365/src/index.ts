/**
 * What is Microsoft's: limits, dates, and the meaning of its errors. The clouds stand in `@postbearer/microsoft365/clouds`.
 *
 * @packageDocumentation
 */
export {
  BASIC_AUTH_TIMELINE,
  basicAuthOutlook,
  type BasicAuthMilestone,
  type BasicAuthOutlook,
} from './basic-auth-timeline.ts';
export { causeOf } from './cause-of.ts';
export type { Microsoft365Context } from './context.ts';
export { planExchange, type ExchangePlanInput, type SendingMailbox } from './exchange/exchange-plan.ts';
export { renderExchangeScript } from './exchange/exchange-script.ts';
export { exchangeScriptFaults } from './exchange/faults.ts';
export { explainClaims, explainFault } from './explain-fault.ts';
export { microsoft365Faults, type Microsoft365FaultCode } from './faults.ts';
export {
  EXCHANGE_ONLINE_APP_ID,
  openDirectory,
  type ApplicationInput,
  type Directory,
  type NewSecret,
} from './graph/directory.ts';
export {
  createGraphClient,
  type GraphClient,
  type GraphClientOptions,
  type GraphReply,
  type GraphRequest,
  type GraphWait,
} from './graph/graph-client.ts';
export type {
  Application,
  AppRole,
  CredentialFacts,
  FederatedCredential,
  RequiredRole,
  RoleAssignment,
  ServicePrincipal,
} from './graph/graph-objects.ts';
export {
  ENTRA_STEPS,
  setUpEntra,
  undoEntra,
  type EntraSetup,
  type EntraSetupInput,
  type EntraSetupOptions,
  type EntraStep,
  type EntraStepOutcome,
  type EntraUndone,
  type SetupCredential,
} from './setup/entra-setup.ts';
export { EXCHANGE_ONLINE_LIMITS, type Limit, type LimitName } from './limits.ts';
export { isEntra, isExchangeOnline } from './microsoft-hosts.ts';
export { powerShellArgument } from './powershell.ts';
export {
  faultOfText,
  GRAPH_CODES,
  looksOf,
  recogniseEntraNumber,
  recogniseGraphCode,
  recogniseReplies,
  type RecognisedBy,
  type RecognisedReply,
  type ReplyInText,
} from './recognise-text.ts';
export { SMTP_ROLE } from './token-claims.ts';
