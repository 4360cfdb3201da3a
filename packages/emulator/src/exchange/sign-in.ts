/**
 * Who may sign in to Exchange Online's SMTP.
 *
 * With a token, one thing after the other, and the first that is wrong is the answer: the token is genuine, in time, for
 * Exchange and from a known tenant; `user=` is a mailbox of that tenant; SMTP AUTH is on (the mailbox's setting wins over
 * the tenant's); Exchange knows the service principal by the enterprise application's object ID; and the app has the
 * mailbox. The last is either of two models: with SMTP.SendAsApp among the roles FullAccess decides, without it the scope
 * of the RBAC role does. The order of the checks is modelled; each answer has its source in `parity.ts`.
 */
import { verifyToken, type SigningKey, type VerifiedToken } from '../entra/access-token.ts';
import { findAppIn, findMailboxIn, type App, type Directory, type Mailbox, type Tenant } from '../state/directory.ts';
import { SIGN_IN_REPLIES } from './replies.ts';

/** A session that may send. */
export interface SignedIn {
  readonly outcome: 'signed-in';
  readonly tenantId: string;
  readonly mailbox: Mailbox;
  /** The app that signed in; `undefined` for a user with a password. */
  readonly app: App | undefined;
  /** Whether each message fails because the mailbox cannot be opened. */
  readonly failsLogon: boolean;
}

/** A refused sign-in. */
export interface SignInRefused {
  readonly outcome: 'refused';
  /** Code, enhanced code and text, without server data. */
  readonly reply: string;
}

/** The answer to a sign-in. */
export type SignIn = SignedIn | SignInRefused;

const AUDIENCES: ReadonlySet<string> = new Set(['https://outlook.office365.com', 'https://outlook.office.com']);
const SEND_ROLE = 'SMTP.SendAsApp';

function refused(reply: string): SignInRefused {
  return { outcome: 'refused', reply };
}

/** The refusal where SMTP AUTH is off for this mailbox. */
function switchedOff(tenant: Tenant, mailbox: Mailbox): SignInRefused | undefined {
  if (mailbox.smtpAuthDisabled === true) return refused(SIGN_IN_REPLIES.mailboxOff);
  if (mailbox.smtpAuthDisabled === null && tenant.smtpAuthDisabled) return refused(SIGN_IN_REPLIES.tenantOff);
  return undefined;
}

function tenantOf(token: VerifiedToken | undefined, directory: Directory, now: number): Tenant | undefined {
  if (token === undefined) return undefined;
  const seconds = now / 1000;
  const isValid = token.notBefore <= seconds && seconds < token.expiresAt && AUDIENCES.has(token.audience);
  const tenant = directory.findTenant(token.tenantId);
  return isValid && tenant !== undefined && token.issuer === `https://sts.windows.net/${tenant.id}/`
    ? tenant
    : undefined;
}

/** The app of a token, where Exchange knows it by the right object ID. */
function registeredApp(token: VerifiedToken, tenant: Tenant): App | undefined {
  const app = findAppIn(tenant, token.clientId);
  return app?.servicePrincipal?.exchangeObjectId === token.objectId ? app : undefined;
}

function hasAny(granted: ReadonlySet<string>, mailbox: Mailbox): boolean {
  return [...mailbox.names].some((name) => granted.has(name));
}

function openMailbox(token: VerifiedToken, app: App, tenant: Tenant, mailbox: Mailbox): SignIn {
  const allowed: SignedIn = { outcome: 'signed-in', tenantId: tenant.id, mailbox, app, failsLogon: false };
  if (!token.roles.includes(SEND_ROLE))
    return hasAny(app.rbac, mailbox) ? allowed : refused(SIGN_IN_REPLIES.unsuccessful);
  if (hasAny(app.mailboxPermissions, mailbox)) return allowed;
  return tenant.missingFullAccess === 'refuse-message'
    ? { ...allowed, failsLogon: true }
    : refused(SIGN_IN_REPLIES.unsuccessful);
}

/** Judges a sign-in with XOAUTH2. `now` is milliseconds since 1970. */
export function signInWithToken(
  user: string,
  token: string,
  directory: Directory,
  key: SigningKey,
  now: number,
): SignIn {
  const verified = verifyToken(key, token);
  const tenant = tenantOf(verified, directory, now);
  const mailbox = tenant === undefined ? undefined : findMailboxIn(tenant, user);
  if (verified === undefined || tenant === undefined || mailbox === undefined)
    return refused(SIGN_IN_REPLIES.unsuccessful);
  const off = switchedOff(tenant, mailbox);
  if (off !== undefined) return off;
  const app = registeredApp(verified, tenant);
  return app === undefined ? refused(SIGN_IN_REPLIES.unsuccessful) : openMailbox(verified, app, tenant, mailbox);
}

/** Judges a sign-in with a password. The policy of the tenant comes before the password, so a right one does not help. */
export function signInWithPassword(user: string, password: string, directory: Directory): SignIn {
  const found = directory.findMailbox(user);
  if (found === undefined) return refused(SIGN_IN_REPLIES.credentialsWrong);
  const { tenant, mailbox } = found;
  if (tenant.basicAuth === 'retired') return refused(SIGN_IN_REPLIES.basicRetired);
  const off = switchedOff(tenant, mailbox);
  if (off !== undefined) return off;
  if (tenant.securityDefaults) return refused(SIGN_IN_REPLIES.securityDefaults);
  if (tenant.basicAuth === 'blocked') return refused(SIGN_IN_REPLIES.basicBlocked);
  if (mailbox.password === undefined || mailbox.password !== password) return refused(SIGN_IN_REPLIES.credentialsWrong);
  return { outcome: 'signed-in', tenantId: tenant.id, mailbox, app: undefined, failsLogon: false };
}
