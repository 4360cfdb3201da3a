/**
 * Replies as Microsoft really gave them, with where each was seen and the fault it must become.
 *
 * Texts are shortened where a public report shortened them; identifiers are replaced. `owner/repository#number` is a public
 * issue at github.com; `captured` is a redacted capture of a real tenant (github.com/calvinchengx/entra-emulator, 2026-08-13).
 */
import type { SmtpStage } from '@postbearer/core';
import type { Microsoft365FaultCode } from '../faults.ts';

/** An error description of the token endpoint. */
export interface SeenTokenReply {
  readonly source: string;
  readonly description: string;
  readonly fault: Microsoft365FaultCode;
}

/** A reply of an SMTP server: code, enhanced code, text. */
export interface SeenSmtpReply {
  readonly source: string;
  readonly stage: SmtpStage;
  readonly reply: string;
  readonly fault: Microsoft365FaultCode;
}

const APP = '11111111-1111-4111-8111-111111111111';
const TRAIL = `Trace ID: 22222222-2222-4222-8222-500222222222 Correlation ID: 33333333-3333-4333-8333-333333335003 Timestamp: 2026-05-06 05:03:00Z`;
const ERRORS_PAGE = 'learn.microsoft.com/entra/identity-platform/reference-error-codes';
const NDR_PAGE = 'learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online';
const FIELD_MANUAL = 'ActiveCampaign/smtp-field-manual';

/** Token endpoint. */
export const SEEN_TOKEN_REPLIES: readonly SeenTokenReply[] = [
  {
    source: 'captured',
    description: `AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${APP}'. ${TRAIL}`,
    fault: 'M365_CLIENT_SECRET_WRONG',
  },
  {
    source: 'captured',
    description: `AADSTS500011: The resource principal named api://not-a-registered-resource was not found in the tenant named contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant. ${TRAIL}`,
    fault: 'M365_RESOURCE_NOT_FOUND',
  },
  {
    source: 'captured',
    description: `AADSTS700038: 00000000-0000-0000-0000-000000000000 is not a valid application identifier. ${TRAIL}`,
    fault: 'M365_APP_NOT_FOUND',
  },
  {
    source: 'captured',
    description: `AADSTS70003: The app requested an unsupported grant type 'no_such_grant'. ${TRAIL}`,
    fault: 'M365_GRANT_TYPE_WRONG',
  },
  {
    source: 'microsoftgraph/contoso-airlines-teams-sample#11',
    description: `AADSTS7000215: Invalid client secret is provided. ${TRAIL}`,
    fault: 'M365_CLIENT_SECRET_WRONG',
  },
  {
    source: 'Azure-Samples/ms-identity-python-webapp#67',
    description: `AADSTS7000222: The provided client secret keys are expired. Visit the Azure Portal to create new keys for your app, or consider using certificate credentials for added security. ${TRAIL}`,
    fault: 'M365_CLIENT_SECRET_EXPIRED',
  },
  {
    source: 'spencerwooo/onedrive-vercel-index#1051',
    description: `AADSTS7000222: The provided client secret keys for app '${APP}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret`,
    fault: 'M365_CLIENT_SECRET_EXPIRED',
  },
  {
    source: 'joelmeiller/cypress-msal-login#11',
    description: `AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'. ${TRAIL}`,
    fault: 'M365_CLIENT_CREDENTIAL_MISSING',
  },
  {
    source: ERRORS_PAGE,
    description: `AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented. ${TRAIL}`,
    fault: 'M365_PUBLIC_CLIENT',
  },
  {
    source: 'Azure/azure-sdk-for-net#29007',
    description: `AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '8BDEB513EAC11E9E9DA752EB9D5087F317F6D931']`,
    fault: 'M365_CERTIFICATE_UNKNOWN',
  },
  {
    source: 'AzureAD/microsoft-authentication-library-for-java#984',
    description:
      'AADSTS700024: Client assertion is not within its valid time range. Current time: 2025-08-29T05:47:32.1501147Z, assertion valid from 1970-01-01T00:00:00.0000000Z, expiry time of assertion 2025-08-29T00:30:05.0000000Z.',
    fault: 'M365_ASSERTION_OUTSIDE_TIME',
  },
  {
    source: 'Azure-Samples/active-directory-dotnet-daemon-certificate-credential#46',
    description:
      'AADSTS70002: Error validating credentials. AADSTS50012: Client assertion is not within its valid time range.',
    fault: 'M365_ASSERTION_OUTSIDE_TIME',
  },
  {
    source: 'reports of the older token endpoint',
    description: 'AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.',
    fault: 'M365_CLIENT_SECRET_WRONG',
  },
  {
    source: 'Azure-Samples/active-directory-dotnet-webapp-webapi-multitenant-openidconnect#6',
    description:
      'AADSTS70002: Error validating credentials. AADSTS70000: The provided access grant is invalid or malformed.',
    fault: 'M365_GRANT_NOT_VALID',
  },
  {
    source: 'Azure/azure-workload-identity, troubleshooting',
    description: `AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'https://oidc.prod-aks.azure.com/XXXXXX/'. Assertion Subject: 'system:serviceaccount:default:mail'. Assertion Audience: 'api://AzureADTokenExchange'.`,
    fault: 'M365_FEDERATED_CREDENTIAL_UNKNOWN',
  },
  {
    source: 'microsoftgraph/msgraph-sdk-dotnet#454',
    description:
      "AADSTS700016: Application with identifier 'ENTER_YOUR_CLIENT_ID' was not found in the directory 'contoso'.",
    fault: 'M365_APP_NOT_FOUND',
  },
  {
    source: 'Azure-Samples/active-directory-dotnet-daemon-certificate-credential#16',
    description:
      "AADSTS70001: Application with identifier '57c9xxxxxx' was not found in the directory contoso.onmicrosoft.com",
    fault: 'M365_APP_NOT_FOUND',
  },
  { source: ERRORS_PAGE, description: `AADSTS70001: Application '${APP}' is disabled.`, fault: 'M365_APP_DISABLED' },
  {
    source: 'jgraph/drawio#4404',
    description: `AADSTS7000112: Application '${APP}'(diagrams.net) is disabled.`,
    fault: 'M365_APP_DISABLED',
  },
  {
    source: 'Azure/Commercial-Marketplace-SaaS-Accelerator#830',
    description: `AADSTS7000229: The client application ${APP} is missing service principal in the tenant ${APP}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119`,
    fault: 'M365_ENTERPRISE_APP_MISSING',
  },
  {
    source: 'Azure-Samples/billing-dotnet-usage-api#7',
    description:
      "AADSTS90002: Requested tenant identifier '00000000-0000-0000-0000-000000000000' is not valid. Tenant identifiers may not be an empty GUID.",
    fault: 'M365_TENANT_ID_MALFORMED',
  },
  {
    source: 'microsoft/cross-tenant#83',
    description:
      "AADSTS90002: Tenant 'token' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
    fault: 'M365_TENANT_NOT_FOUND',
  },
  {
    source: 'microsoftgraph/windowsupdates-webapplication-sample#6',
    description: `AADSTS90002: Tenant 'tenant_id' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. ${TRAIL}`,
    fault: 'M365_TENANT_NOT_FOUND',
  },
  {
    source: 'public reports',
    description:
      "AADSTS900023: Specified tenant identifier 'your-tenant' is neither a valid DNS name, nor a valid external domain.",
    fault: 'M365_TENANT_ID_MALFORMED',
  },
  {
    source: 'AzureAD/microsoft-authentication-library-for-java#382',
    description:
      'AADSTS9001023: The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
    fault: 'M365_TENANT_ENDPOINT_SHARED',
  },
  {
    source: 'AzureAD/microsoft-authentication-library-for-js#237',
    description:
      "AADSTS90130: Application 'x' (Test) is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
    fault: 'M365_TENANT_ENDPOINT_SHARED',
  },
  {
    source: ERRORS_PAGE,
    description:
      "AADSTS90038: The specified tenant 'Y' belongs to the National Cloud 'X'. Current cloud instance 'Z' does not federate with X.",
    fault: 'M365_CLOUD_MISMATCH',
  },
  {
    source: 'mguessan/davmail#217',
    description: `AADSTS65001: The user or administrator has not consented to use the application with ID '${APP}' named 'DavMail'. Send an interactive authorization request for this user and resource.`,
    fault: 'M365_CONSENT_MISSING',
  },
  {
    source: ERRORS_PAGE,
    description: 'AADSTS90094: Administrator consent is required.',
    fault: 'M365_CONSENT_MISSING',
  },
  {
    source: 'gbrueckl/PowerBI.API.Client#10',
    description: `AADSTS650057: Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: ${APP}.`,
    fault: 'M365_PERMISSION_NOT_DECLARED',
  },
  {
    source: 'AzureAD/azure-activedirectory-library-for-python#146',
    description:
      "AADSTS65005: Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration.",
    fault: 'M365_PERMISSION_NOT_DECLARED',
  },
  {
    source: ERRORS_PAGE,
    description:
      'AADSTS650052: The app is trying to access a service that your organization lacks a service principal for.',
    fault: 'M365_RESOURCE_NOT_SUBSCRIBED',
  },
  {
    source: 'MicrosoftDocs/azure-docs#36432',
    description:
      "AADSTS70011: The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid.",
    fault: 'M365_SCOPE_INVALID',
  },
  {
    source: 'MicrosoftDocs/azure-docs#99862',
    description: `AADSTS1002012: The provided value for scope ${APP}/full_access is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    fault: 'M365_SCOPE_INVALID',
  },
  {
    source: ERRORS_PAGE,
    description:
      "AADSTS700022: The provided value for the input parameter scope isn't valid because it contains more than one resource.",
    fault: 'M365_SCOPE_SEVERAL_RESOURCES',
  },
  {
    source: 'public reports',
    description:
      "AADSTS70011: The provided value for the input parameter 'scope' is not valid. One or more scopes in 'https://outlook.office.com/SMTP.Send https://graph.microsoft.com/Mail.Send' are not compatible with the scopes of the resource.",
    fault: 'M365_SCOPE_SEVERAL_RESOURCES',
  },
  {
    source: ERRORS_PAGE,
    description: "AADSTS900144: The request body must contain the following parameter: 'client_id'.",
    fault: 'M365_TOKEN_PARAMETER_MISSING',
  },
  {
    source: 'MicrosoftDocs/azure-docs#35147',
    description: 'AADSTS9002313: Invalid request. Request is malformed or invalid.',
    fault: 'M365_TOKEN_REQUEST_MALFORMED',
  },
  {
    source: ERRORS_PAGE,
    description: 'AADSTS900561: The endpoint only accepts POST requests. Received a GET request.',
    fault: 'M365_TOKEN_REQUEST_MALFORMED',
  },
  {
    source: 'DougHennig/SFMail#15',
    description: `AADSTS50076: Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'. ${TRAIL}`,
    fault: 'M365_MFA_REQUIRED',
  },
  {
    source: 'MicrosoftDocs/azure-docs#30802',
    description: 'AADSTS50126: Invalid username or password',
    fault: 'M365_USER_SIGN_IN_FAILED',
  },
  {
    source: 'tarickb/sasl-xoauth2#54',
    description: `AADSTS7000012: The grant was obtained for a different tenant. ${TRAIL}`,
    fault: 'M365_GRANT_NOT_VALID',
  },
  {
    source: 'Azure/azure-cli#32809',
    description: `AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance. ${TRAIL}`,
    fault: 'M365_CONDITIONAL_ACCESS',
  },
  {
    source: 'AzureAD/microsoft-authentication-library-for-java#597',
    description:
      'AADSTS53005: access has been blocked by conditional access policies. The access policy does not allow token issuance.',
    fault: 'M365_CONDITIONAL_ACCESS',
  },
  {
    source: ERRORS_PAGE,
    description:
      'AADSTS530035: Access has been blocked by security defaults. This is due to the request using legacy auth or being deemed unsafe by security defaults policies.',
    fault: 'M365_TOKEN_SECURITY_DEFAULTS',
  },
  {
    source: ERRORS_PAGE,
    description:
      'AADSTS50196: A client loop has been detected. The app has made too many of the same request in too short a period.',
    fault: 'M365_TOKEN_THROTTLED',
  },
  {
    source: ERRORS_PAGE,
    description: "AADSTS90033: The Microsoft Online Directory Service (MSODS) isn't available.",
    fault: 'M365_TOKEN_SERVICE_TRANSIENT',
  },
];

/** SMTP. */
export const SEEN_SMTP_REPLIES: readonly SeenSmtpReply[] = [
  {
    source: 'MicrosoftDocs/OfficeDocs-Exchange#3124',
    stage: 'auth',
    reply:
      '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001.eurprd01.prod.outlook.com]',
    fault: 'M365_SMTP_AUTH_DISABLED_TENANT',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-Exchange#3124',
    stage: 'mail',
    reply:
      '530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.',
    fault: 'M365_SMTP_AUTH_DISABLED_TENANT',
  },
  {
    source: 'public repository documents',
    stage: 'auth',
    reply:
      '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.',
    fault: 'M365_SMTP_AUTH_DISABLED_MAILBOX',
  },
  {
    source: 'docs.bookyourpto.com/features/smtp-troubleshoot',
    stage: 'auth',
    reply:
      "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
    fault: 'M365_SECURITY_DEFAULTS',
  },
  {
    source: 'jstedfast/MailKit#1733',
    stage: 'auth',
    reply:
      '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.',
    fault: 'M365_SIGN_IN_POLICY',
  },
  {
    source: 'replies in public logs',
    stage: 'auth',
    reply:
      '535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [BN0PR04CA0001.namprd04.prod.outlook.com]',
    fault: 'M365_PASSWORD_WRONG',
  },
  {
    source: 'rpremraj/mailR#107',
    stage: 'auth',
    reply:
      '535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [BM1P287CA0015.INDP287.PROD.OUTLOOK.COM]',
    fault: 'M365_BASIC_AUTH_DISABLED',
  },
  {
    source: 'announcement of Microsoft, quoted in public documents',
    stage: 'auth',
    reply: '550 5.7.30 Basic authentication is not supported for Client Submission.',
    fault: 'M365_BASIC_AUTH_DISABLED',
  },
  {
    source:
      'learn.microsoft.com/exchange/troubleshoot/email-delivery/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off',
    stage: 'auth',
    reply: '535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.',
    fault: 'M365_FEDERATION_UNREACHABLE',
  },
  {
    source: 'jstedfast/MailKit#1126',
    stage: 'auth',
    reply: '535 5.7.3 Authentication unsuccessful',
    fault: 'M365_SIGN_IN_REFUSED',
  },
  {
    source: 'jstedfast/MailKit#1733',
    stage: 'auth',
    reply:
      '535 5.7.3 Authentication unsuccessful [VI1PR0902CA0036.eurprd09.prod.outlook.com 2024-03-20T10:27:56.998Z 08DC48BEE95C08E5]',
    fault: 'M365_SIGN_IN_REFUSED',
  },
  {
    source: 'renevanosnabrugge/SendEmail-BuildTask#49',
    stage: 'mail',
    reply:
      '530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.3 Authentication unsuccessful. [LO2P123CA0001.GBRP123.PROD.OUTLOOK.COM]',
    fault: 'M365_SIGN_IN_REFUSED',
  },
  {
    source: 'nodemailer/nodemailer#949',
    stage: 'auth',
    reply: '550 Mailbox cannot be accessed [CWXP265CA0023.GBRP265.PROD.OUTLOOK.COM]',
    fault: 'M365_USERNAME_NOT_MAILBOX',
  },
  {
    source: 'QuantumNous/new-api#1989',
    stage: 'auth',
    reply:
      '504 5.7.4 Unrecognized authentication type [ME2PR01CA0084.ausprd01.prod.outlook.com 2025-10-09T08:34:00.456Z 08DE05E7CF894786]',
    fault: 'M365_AUTH_MECHANISM_UNSUPPORTED',
  },
  {
    source: 'tarickb/sasl-xoauth2#110',
    stage: 'auth',
    reply:
      '501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid. Please ensure the auth data is right',
    fault: 'M365_AUTH_DATA_MALFORMED',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-Exchange#1615',
    stage: 'mail',
    reply:
      '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM [HK2PR0401CA0011.apcprd04.prod.outlook.com]',
    fault: 'M365_NOT_AUTHENTICATED',
  },
  {
    source: 'jstedfast/MailKit#1265',
    stage: 'mail',
    reply: '530 5.7.1 Client was not authenticated',
    fault: 'M365_NOT_AUTHENTICATED',
  },
  {
    source: 'zehm/sendEmail#1',
    stage: 'auth',
    reply: '421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.',
    fault: 'M365_TLS_TOO_OLD',
  },
  {
    source: 'harishkrupo/oauth2ms#5',
    stage: 'auth',
    reply: '451 4.7.0 Temporary server error. Please try again later. PRX4  [BYAPR07CA0001.namprd07.prod.outlook.com]',
    fault: 'M365_SERVER_BUSY',
  },
  {
    source: 'public reports',
    stage: 'final',
    reply:
      '554 5.2.252 SendAsDenied; notifications@contoso.com not allowed to send as sales@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied',
    fault: 'M365_SEND_AS_DENIED',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-Support#1187',
    stage: 'final',
    reply:
      '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message.',
    fault: 'M365_SEND_AS_DENIED',
  },
  {
    source: 'WWBN/AVideo#1017',
    stage: 'final',
    reply:
      '550 5.7.60 SMTP; Client does not have permissions to send as this sender [CY4PR1701MB1800.namprd17.prod.outlook.com]',
    fault: 'M365_SEND_AS_DENIED',
  },
  {
    source: 'simonrob/email-oauth2-proxy#271',
    stage: 'final',
    reply:
      '430 4.2.0 STOREDRV; mailbox logon failure; unable to open mailbox: MapiExceptionLogonFailed: Unable to make connection to the server.',
    fault: 'M365_MAILBOX_ACCESS_MISSING',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-Support#1150',
    stage: 'final',
    reply: '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
    fault: 'M365_DAILY_RECIPIENTS_EXCEEDED',
  },
  {
    source: NDR_PAGE,
    stage: 'final',
    reply: '554 5.2.2 Submission quota exceeded',
    fault: 'M365_DAILY_RECIPIENTS_EXCEEDED',
  },
  {
    source: NDR_PAGE,
    stage: 'final',
    reply: "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    fault: 'M365_DAILY_RECIPIENTS_EXCEEDED',
  },
  {
    source: 'learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements',
    stage: 'final',
    reply: '554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException',
    fault: 'M365_MAILBOX_FULL',
  },
  {
    source: 'learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements',
    stage: 'final',
    reply: '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded',
    fault: 'M365_CONNECTIONS_EXCEEDED',
  },
  {
    source: 'sabuhish/fastapi-mail#75',
    stage: 'final',
    reply:
      '432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=OS0PR01MB6099.jpnprd01.prod.outlook.com]',
    fault: 'M365_CONNECTIONS_EXCEEDED',
  },
  {
    source: NDR_PAGE,
    stage: 'final',
    reply: '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded',
    fault: 'M365_RECIPIENT_THROTTLED',
  },
  {
    source: NDR_PAGE,
    stage: 'final',
    reply:
      "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    fault: 'M365_TENANT_EXTERNAL_RECIPIENTS_EXCEEDED',
  },
  {
    source: NDR_PAGE,
    stage: 'rcpt',
    reply: '452 4.5.3 Too many recipients',
    fault: 'M365_RECIPIENTS_PER_DOMAIN_EXCEEDED',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-o365seccomp#643',
    stage: 'final',
    reply: '550 5.1.8 Access denied, bad outbound sender',
    fault: 'M365_SENDER_BLOCKED',
  },
  {
    source: 'dougperkes/Visual-Graph-Explorer#1',
    stage: 'final',
    reply:
      '550 5.7.501 Access denied, spam abuse detected. For more information please go to http://go.microsoft.com/fwlink/?LinkId=526653',
    fault: 'M365_SENDER_BLOCKED',
  },
  {
    source: 'motze92/office365-mail#11',
    stage: 'final',
    reply:
      '550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. AS(7230) [BM1PR01MB1076.INDPRD01.PROD.OUTLOOK.COM]',
    fault: 'M365_TENANT_BLOCKED',
  },
  {
    source:
      'learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/fix-error-code-5-7-700-through-5-7-750',
    stage: 'final',
    reply: '550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains',
    fault: 'M365_TENANT_BLOCKED',
  },
  {
    source: 'jstedfast/MailKit#904',
    stage: 'final',
    reply: '552 5.3.4 Header size exceeds fixed maximum size',
    fault: 'M365_MESSAGE_TOO_LARGE',
  },
  {
    source: 'MicrosoftDocs/OfficeDocs-Exchange#2019',
    stage: 'final',
    reply: '550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient',
    fault: 'M365_MESSAGE_TOO_LARGE',
  },
  {
    source: FIELD_MANUAL,
    stage: 'final',
    reply: '451 4.3.2 Temporary server error. Please try again later ATTR17 [outlook.com]',
    fault: 'M365_SERVER_BUSY',
  },
  {
    source: FIELD_MANUAL,
    stage: 'final',
    reply:
      '451 4.4.0 Message failed to be replicated: No healthy secondary server available to accept replica at this time. [outlook.com]',
    fault: 'M365_SERVER_BUSY',
  },
  {
    source: 'sisimai/p5-sisimai',
    stage: 'rcpt',
    reply: '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found',
    fault: 'M365_RECIPIENT_NOT_FOUND',
  },
  {
    source: 'maxsptz/emailpyspam#23',
    stage: 'rcpt',
    reply:
      '550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [HE1EUR02FT003.eop-EUR02.prod.protection.outlook.com]',
    fault: 'M365_RECIPIENT_NOT_FOUND',
  },
  {
    source: FIELD_MANUAL,
    stage: 'rcpt',
    reply: '550 5.5.0 Requested action not taken: mailbox unavailable. [AM1.eop-nam12.prod.protection.outlook.com]',
    fault: 'M365_RECIPIENT_NOT_FOUND',
  },
  {
    source: `${FIELD_MANUAL}#99`,
    stage: 'final',
    reply: '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup',
    fault: 'M365_RECIPIENT_RESTRICTED',
  },
  {
    source: FIELD_MANUAL,
    stage: 'final',
    reply:
      '554 5.2.121 The sender has exceeded the limit for the number of messages they can send to this recipient per hour.',
    fault: 'M365_RECIPIENT_THROTTLED',
  },
  {
    source: 'learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/remote-server-returned-mailbox-busy',
    stage: 'final',
    reply:
      '554 4.3.2 mailbox busy; STOREDRV.Deliver.Exception:StoragePermanentException.MapiExceptionMaxObjsExceeded; Failed to process message due to a permanent exception',
    fault: 'M365_RECIPIENT_UNAVAILABLE',
  },
  {
    source: FIELD_MANUAL,
    stage: 'rcpt',
    reply: '501 5.1.3 Invalid address [outlook.com]',
    fault: 'M365_ADDRESS_INVALID',
  },
  { source: NDR_PAGE, stage: 'final', reply: '550 5.6.11 Invalid characters', fault: 'M365_CONTENT_INVALID' },
  {
    source: 'MicrosoftDocs/OfficeDocs-Support#541',
    stage: 'final',
    reply: '550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy',
    fault: 'M365_POLICY_REJECTED',
  },
  {
    source: 'sisimai/go-sisimai#150',
    stage: 'final',
    reply: "550 5.7.515 Access denied, sending domain EXAMPLE.JP doesn't meet the required authentication level.",
    fault: 'M365_DOMAIN_AUTHENTICATION_FAILED',
  },
  {
    source: 'JamBrain/JamBrain#271',
    stage: 'rcpt',
    reply:
      '550 5.7.606 Access denied, banned sending IP [203.0.113.10]. To request removal from this list please visit https://sender.office.com/',
    fault: 'M365_SENDING_IP_BLOCKED',
  },
  {
    source: 'public reports',
    stage: 'rcpt',
    reply:
      "550 5.7.1 Unfortunately, messages from [203.0.113.10] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
    fault: 'M365_SENDING_IP_BLOCKED',
  },
  {
    source: 'learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/relay-access-denied-smtp',
    stage: 'rcpt',
    reply: '550 5.7.64 TenantAttribution; Relay Access Denied SMTP.',
    fault: 'M365_RELAY_NOT_ATTRIBUTED',
  },
];
