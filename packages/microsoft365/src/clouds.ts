/**
 * The clouds of Microsoft 365: where each signs in, where it takes mail, and which scope its tokens need.
 *
 * Rule: an app is registered in exactly one cloud, so the login host, the SMTP host and the scope of an upstream must all
 * be of the same cloud. Each value says whether a Microsoft page states it; a value that only public configurations name
 * is used as a proposal and never as a reason to refuse other settings.
 *
 * Read on 2026-11-24. Germany's cloud closed on 2021-10-29. The DoD part of the US Government cloud signs in at the same
 * host as GCC High but its SMTP host is not known here, so it has no alias: name server and scope by hand.
 */

/** A national cloud. `global` serves GCC as well; `us-government` is GCC High; `china` is operated by 21Vianet. */
export type CloudName = 'global' | 'us-government' | 'china';

/** A value with what it rests on. */
export interface CloudFact {
  readonly value: string;
  /** Whether a page of Microsoft states it; otherwise it was seen in public configurations only. */
  readonly isVerified: boolean;
  readonly source: string;
}

/** What differs from cloud to cloud. */
export interface Cloud {
  readonly name: CloudName;
  /** For people: `Microsoft 365 (global)`. */
  readonly title: string;
  /** Other names that {@link parseCloudName} understands. */
  readonly aliases: readonly string[];
  /** The host of the token endpoint. */
  readonly loginHost: CloudFact;
  /** Hosts that signed in to this cloud earlier and may still stand in settings. */
  readonly formerLoginHosts: readonly string[];
  /** The host for SMTP AUTH client submission with STARTTLS on port 587. */
  readonly smtpHost: CloudFact;
  /** The scope of a token for SMTP with client credentials. */
  readonly scope: CloudFact;
  /** The host of Microsoft Graph. */
  readonly graphHost: CloudFact;
}

const NATIONAL_CLOUDS = 'learn.microsoft.com/entra/identity-platform/authentication-national-cloud (2025-01-15)';
const OAUTH_SMTP =
  'learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth (2026-06-19)';
const GRAPH_CLOUDS = 'learn.microsoft.com/graph/deployments (read 2026-11-25)';
const SEEN = 'named so in several public configurations';

/** Port for SMTP AUTH client submission with STARTTLS, the same in every cloud. */
export const SUBMISSION_PORT = 587;

/** Every cloud by its name. */
export const CLOUDS: Readonly<Record<CloudName, Cloud>> = {
  global: {
    name: 'global',
    title: 'Microsoft 365 (global)',
    aliases: ['public', 'worldwide', 'commercial', 'gcc', 'azurecloud', 'azurepubliccloud'],
    loginHost: { value: 'login.microsoftonline.com', isVerified: true, source: NATIONAL_CLOUDS },
    formerLoginHosts: ['login.windows.net', 'login.microsoft.com', 'sts.windows.net'],
    smtpHost: { value: 'smtp.office365.com', isVerified: true, source: OAUTH_SMTP },
    scope: { value: 'https://outlook.office365.com/.default', isVerified: true, source: OAUTH_SMTP },
    graphHost: { value: 'graph.microsoft.com', isVerified: true, source: GRAPH_CLOUDS },
  },
  'us-government': {
    name: 'us-government',
    title: 'Microsoft 365 US Government (GCC High)',
    aliases: ['usgovernment', 'us-gov', 'usgov', 'gcc-high', 'gcchigh', 'azureusgovernment'],
    loginHost: { value: 'login.microsoftonline.us', isVerified: true, source: NATIONAL_CLOUDS },
    formerLoginHosts: ['login.usgovcloudapi.net'],
    smtpHost: { value: 'smtp.office365.us', isVerified: false, source: SEEN },
    scope: { value: 'https://outlook.office365.us/.default', isVerified: false, source: SEEN },
    graphHost: { value: 'graph.microsoft.us', isVerified: true, source: GRAPH_CLOUDS },
  },
  china: {
    name: 'china',
    title: 'Microsoft 365 operated by 21Vianet',
    aliases: ['21vianet', 'china-21vianet', 'azurechinacloud'],
    loginHost: { value: 'login.partner.microsoftonline.cn', isVerified: true, source: NATIONAL_CLOUDS },
    formerLoginHosts: ['login.chinacloudapi.cn'],
    smtpHost: { value: 'smtp.partner.outlook.cn', isVerified: false, source: SEEN },
    scope: { value: 'https://partner.outlook.cn/.default', isVerified: false, source: 'not confirmed anywhere' },
    graphHost: { value: 'microsoftgraph.chinacloudapi.cn', isVerified: true, source: GRAPH_CLOUDS },
  },
};

/** The names of all clouds, `global` first. */
export const CLOUD_NAMES: readonly CloudName[] = ['global', 'us-government', 'china'];

function findCloud(isIt: (cloud: Cloud) => boolean): CloudName | undefined {
  return CLOUD_NAMES.find((name) => isIt(CLOUDS[name]));
}

/** The cloud that a text names, whatever its case and by any alias; `undefined` where it names none. */
export function parseCloudName(text: string): CloudName | undefined {
  const wanted = text.trim().toLowerCase();
  return findCloud((cloud) => cloud.name === wanted || cloud.aliases.includes(wanted));
}

/** The cloud whose token endpoint is at this host, today's or a former one; `undefined` for any other host. */
export function cloudOfLoginHost(host: string): CloudName | undefined {
  const wanted = host.toLowerCase();
  return findCloud((cloud) => cloud.loginHost.value === wanted || cloud.formerLoginHosts.includes(wanted));
}

/** The cloud whose submission host this is; `undefined` for any other host. */
export function cloudOfSmtpHost(host: string): CloudName | undefined {
  const wanted = host.toLowerCase();
  return findCloud((cloud) => cloud.smtpHost.value === wanted);
}

/** The cloud whose scope for SMTP this is; `undefined` for any other scope. */
export function cloudOfScope(scope: string): CloudName | undefined {
  const wanted = scope.toLowerCase();
  return findCloud((cloud) => cloud.scope.value === wanted);
}

/**
 * - `id`: a GUID, the Directory (tenant) ID;
 * - `domain`: a verified domain name of the tenant;
 * - `shared`: `common`, `organizations` or `consumers`, none of which works with client credentials (AADSTS50194, AADSTS9001023);
 * - `placeholder`: still as in a manual, such as `{tenant-id}`;
 * - `other`: none of these; Entra answers AADSTS900023.
 */
export type TenantKind = 'id' | 'domain' | 'shared' | 'placeholder' | 'other';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DOMAIN = /^(?=.{3,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/i;
const SHARED = /^(?:common|organizations|consumers)$/i;
const PLACEHOLDER = /[{}<>[\]]|^(?:your[-_ ]?)?(?:tenant|directory)(?:[-_ ]?(?:id|name))?$|^x+(?:-x+)+$/i;

/** What a text in the place of a tenant is. */
export function kindOfTenant(text: string): TenantKind {
  if (GUID.test(text)) return 'id';
  if (SHARED.test(text)) return 'shared';
  if (PLACEHOLDER.test(text)) return 'placeholder';
  return DOMAIN.test(text) ? 'domain' : 'other';
}

/**
 * The token endpoint of a tenant (OAuth 2.0 v2.0 endpoint of Entra).
 *
 * @param tenant - Directory (tenant) ID or a domain of the tenant; characters that could change the URL are escaped.
 *
 * @example
 * ```ts
 * import { tokenEndpointOf } from '@postbearer/microsoft365/clouds';
 *
 * tokenEndpointOf({ tenant: 'contoso.com' }); // => 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token'
 * tokenEndpointOf({ tenant: 'contoso.us', cloud: 'us-government' }); // => 'https://login.microsoftonline.us/contoso.us/oauth2/v2.0/token'
 * ```
 */
export function tokenEndpointOf({
  tenant,
  cloud = 'global',
}: {
  readonly tenant: string;
  readonly cloud?: CloudName;
}): string {
  return `https://${CLOUDS[cloud].loginHost.value}/${encodeURIComponent(tenant.toWellFormed())}/oauth2/v2.0/token`;
}

/** What a token endpoint's URL says. */
export interface TokenEndpoint {
  /** Host name, lower case, without port. */
  readonly host: string;
  readonly isHttps: boolean;
  /** Whether the host is this machine: `localhost`, `127.0.0.0/8` or `::1`. */
  readonly isLoopback: boolean;
  /** The cloud that signs in at this host; absent for other providers and for an emulator. */
  readonly cloud?: CloudName;
  /** The tenant segment of a path in Entra's form, decoded; absent where the path has another form. */
  readonly tenant?: string;
  readonly tenantKind?: TenantKind;
  /** `v1` is the older endpoint without `/v2.0`, which knows no scope. */
  readonly version?: 'v1' | 'v2';
}

const ENTRA_PATH = /^\/(?<tenant>[^/]+)\/oauth2\/(?<v2>v2\.0\/)?token\/?$/i;

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Whether a host name, as it stands in a URL, is this machine. */
function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/**
 * Reads a token endpoint's URL; `undefined` where the text is not an absolute http or https URL.
 *
 * @example
 * ```ts
 * import { parseTokenEndpoint } from '@postbearer/microsoft365/clouds';
 *
 * const endpoint = parseTokenEndpoint('https://login.microsoftonline.com/{tenant-id}/oauth2/v2.0/token');
 * endpoint?.cloud; // => 'global'
 * endpoint?.tenantKind; // => 'placeholder'
 * ```
 */
export function parseTokenEndpoint(url: string): TokenEndpoint | undefined {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')) return undefined;
  const host = parsed.hostname.toLowerCase();
  const cloud = cloudOfLoginHost(host);
  const path = ENTRA_PATH.exec(parsed.pathname)?.groups;
  const tenant = path?.['tenant'] === undefined ? undefined : decodeSegment(path['tenant']);
  return {
    host,
    isHttps: parsed.protocol === 'https:',
    isLoopback: isLoopbackHost(host),
    ...(cloud === undefined ? {} : { cloud }),
    ...(tenant === undefined
      ? {}
      : { tenant, tenantKind: kindOfTenant(tenant), version: path?.['v2'] === undefined ? 'v1' : 'v2' }),
  };
}
