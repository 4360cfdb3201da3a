/**
 * Texts as people paste them, each with the cause that an expert would name; `-` where nothing is known.
 *
 * Replies and messages are those that Microsoft, operating systems and mail programs give; names and numbers in them are made up.
 */

/** Cause and text. */
export const pastedTexts: readonly (readonly [cause: string, text: string])[] = [
  [
    'app-not-found-in-tenant',
    "AADSTS700016: Application with identifier 'abc' was not found in the directory 'contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  ],
  ['client-secret-wrong', 'AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.'],
  [
    'smtp-auth-disabled-tenant',
    '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [LO2P265CA0418.GBRP265.PROD.OUTLOOK.COM]',
  ],
  [
    'basic-credentials-wrong',
    '535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [AM0PR06CA0099.eurprd06.prod.outlook.com]',
  ],
  ['mailbox-access-missing', '430 4.2.0 STOREDRV; mailbox logon failure; failure cause:MapiExceptionLogonFailed'],
  ['dns-name-not-found', 'java.net.UnknownHostException: smtp.office365.com'],
  ['connection-timeout', 'smtplib: TimeoutError: [Errno 110] Connection timed out'],
  [
    'connection-timeout',
    "com.sun.mail.util.MailConnectException: Couldn't connect to host, port: smtp.office365.com, 587; timeout -1; nested exception is: java.net.ConnectException: Connection timed out",
  ],
  ['connection-refused', 'Error: connect ECONNREFUSED 127.0.0.1:587\n at TCPConnectWrap.afterConnect'],
  [
    'connection-refused',
    'System.Net.Sockets.SocketException: No connection could be made because the target machine actively refused it 127.0.0.1:25',
  ],
  [
    'tls-untrusted-certificate',
    'javax.net.ssl.SSLHandshakeException: sun.security.validator.ValidatorException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target',
  ],
  [
    'tls-certificate-name-or-date',
    'x509: certificate is valid for outlook.com, *.clo.footprintdns.com, not smtp.office365.com',
  ],
  [
    'tls-version-mismatch',
    '421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls.',
  ],
  ['starttls-not-offered', 'smtplib.SMTPNotSupportedError: STARTTLS extension not supported by server.'],
  ['auth-message-malformed', "500 5.3.3 Unrecognized command 'unknown' [BN0PR10CA0013.namprd10.prod.outlook.com]"],
  ['auth-rejected', 'curl: (67) Login denied'],
  [
    'auth-rejected',
    'AUTHENTICATE failed: 535 5.7.3 Authentication unsuccessful [FR0P281CA0089.DEUP281.PROD.OUTLOOK.COM 2023-11-16T10:26:20.205Z 08DBE5B5C8A2E1E5]',
  ],
  [
    'throttled-concurrent-connections',
    '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=DB7PR02MB4316.eurprd02.prod.outlook.com]',
  ],
  ['sender-blocked-outbound-spam', '550 5.1.8 Access denied, bad outbound sender'],
  [
    'throttled-daily-recipients',
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
  ],
  ['recipient-not-found', '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'],
  [
    'dmarc-spf-failure',
    '550 5.7.509: Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy of reject.',
  ],
  [
    'message-policy-rejected',
    '550 5.7.520 Access denied, Your organization does not allow external forwarding. Please contact your administrator for further assistance. AS(7555)',
  ],
  ['recipient-restricted', '550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList; not authorized'],
  ['proxy-auth-required', 'Error: tunneling socket could not be established, statusCode=407'],
  ['token-service-transient', 'AADSTS90033: A transient error has occurred. Please try again.'],
  ['token-throttled', 'HTTP/1.1 429 Too Many Requests from login.microsoftonline.com'],
  [
    'tenant-id-malformed',
    "AADSTS900023: Specified tenant identifier 'YOUR_TENANT' is neither a valid DNS name, nor a valid external domain.",
  ],
  [
    'grant-not-valid',
    'AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2021 and was inactive for 90.00:00:00.',
  ],
  [
    'grant-not-valid',
    'AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed.',
  ],
  ['user-signin-failed', 'AADSTS50034: The user account {EUII Hidden} does not exist in the contoso directory.'],
  ['national-cloud-mismatch', 'AADSTS900382: Confidential Client is not supported in Cross Cloud request.'],
  [
    'scope-multiple-resources',
    'AADSTS28000: Provided value for the input parameter scope is not valid because it contains more than one resource. Scope https://a/.default https://b/.default is not valid.',
  ],
  [
    'scope-multiple-resources',
    "AADSTS70011: The provided value for the input parameter 'scope' is not valid. One or more scopes in 'https://graph.microsoft.com/.default https://outlook.office.com/SMTP.Send' are not compatible with the scopes in 'x'.",
  ],
  [
    'graph-request-refused',
    '{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}',
  ],
  ['smtp-credentials-missing', 'Error: Missing credentials for "LOGIN"'],
  ['client-not-authenticated', '530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM'],
  ['server-temporary-error', '421 4.3.2 Service not active'],
  ['server-temporary-error', '452 4.3.1 Insufficient system resources'],
  ['message-too-large', '552 5.3.4 Message size exceeds fixed maximum message size'],
  ['message-too-large', '554 5.2.0 STOREDRV.Submission.Exception:MapiExceptionMaxSubmissionExceeded'],
  [
    'mailbox-full',
    '554 5.2.2 STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message',
  ],
  [
    'recipient-mailbox-unavailable',
    '554 5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded',
  ],
  ['recipient-mailbox-unavailable', '550 5.2.2 mailbox full'],
  ['tenant-blocked-outbound', '550 5.7.705 Access denied, tenant has exceeded threshold'],
  [
    'sending-ip-blocked',
    "550 5.7.1 Unfortunately, messages from [192.0.2.4] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
  ],
  ['sending-ip-blocked', '451 4.7.500 Server busy. Please try again later from [192.0.2.4]. (S77714)'],
  ['relay-not-attributed', '451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35'],
  [
    'message-content-invalid',
    '550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA',
  ],
  ['message-content-invalid', '554 5.6.0 Corrupt message content'],
  ['federation-sts-failure', '535 5.7.139 Authentication unsuccessful, federated STS has no https endpoint'],
  ['auth-mechanism-unsupported', 'smtplib.SMTPNotSupportedError: SMTP AUTH extension not supported by server.'],
  ['auth-mechanism-unsupported', 'postfix/smtp: warning: SASL authentication failure: No worthy mechs found'],
  [
    'client-token-unavailable',
    'sasl-xoauth2: TokenStore::Read: failed to open file /etc/tokens/user: No such file or directory',
  ],
  ['token-endpoint-wrong', 'SyntaxError: Unexpected token \'<\', "<!DOCTYPE "... is not valid JSON'],
  [
    'assertion-signature-invalid',
    'AADSTS50012: Client assertion contains an invalid signature. [Reason - The key was not found.]',
  ],
  ['admin-consent-missing', 'AADSTS65001: The user or administrator has not consented to use the application'],
  ['app-disabled', "AADSTS7000112: Application 'x'(y) is disabled."],
  [
    'service-principal-missing-in-tenant',
    "AADSTS650052: The app is trying to access a service 'x'(y) that your organization lacks a service principal for.",
  ],
  [
    'permission-not-declared',
    "AADSTS650056: Misconfigured application. This could be due to one of the following: the client has not listed any permissions for 'AAD Graph' in the requested permissions",
  ],
  ['request-parameter-missing', "AADSTS900144: The request body must contain the following parameter: 'grant_type'."],
  ['request-parameter-missing', "AADSTS900144: The request body must contain the following parameter: 'client_id'."],
  ['token-request-malformed', "AADSTS901002: The 'resource' request parameter is not supported."],
  [
    'client-secret-missing',
    "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  ],
  [
    'client-secret-missing',
    "AADSTS700025: Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
  ],
  [
    'security-defaults-block',
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
  ],
  [
    'auth-policy-blocked',
    '535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.',
  ],
  [
    'send-as-denied',
    '554 5.2.252 SendAsDenied; app@contoso.com not allowed to send as other@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied',
  ],
  [
    'dns-temporary-failure',
    'Host or domain name not found. Name service error for name=smtp.office365.com type=AAAA: Host not found, try again',
  ],
  ['connection-reset', "read ECONNRESET\n  code: 'ECONNRESET', syscall: 'read'"],
  ['connection-reset', 'The handshake failed: Remote host terminated the handshake'],
  [
    'greeting-timeout',
    'conversation with smtp.office365.com[192.0.2.4] timed out while receiving the initial server greeting',
  ],
  ['tls-mode-mismatch', 'tls: first record does not look like a TLS handshake'],
  ['tls-mode-mismatch', '[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1129)'],
  [
    'message-address-invalid',
    '550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid From address',
  ],
  [
    'recipient-throttled',
    '550 5.2.121 RESOLVER... The sender has exceeded the limit for the number of messages they can send to this recipient per hour',
  ],
  [
    'tenant-external-recipient-limit',
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
  ],
  ['conditional-access-blocked', 'AADSTS53003: Access has been blocked by Conditional Access policies.'],
  [
    'mfa-required-user-flow',
    'AADSTS50079: Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication',
  ],
  ['proxy-unreachable', 'curl: (5) Could not resolve proxy: proxy.example'],
  [
    'smtp-auth-disabled-mailbox',
    'Dieser Dienst meldet: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.',
  ],
  ['-', 'Hello, please find attached the report for July. Regards, Ann'],
  ['-', 'npm ERR! code E404'],
  ['-', 'Version 5.7.1 of the tool was installed at 192.0.2.3'],
  ['-', '250 2.0.0 OK: queued as 12345'],
  ['-', "TypeError: Cannot read properties of undefined (reading 'map')"],
  ['-', 'disk full: no space left on device'],
  ['basic-auth-disabled', '550 5.7.30 Basic authentication is not supported for Client Submission.'],
  ['connection-refused', 'Die Verbindung zum Server: Verbindungsaufbau abgelehnt'],
  [
    'auth-rejected',
    '334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==\n535 5.7.3 Authentication unsuccessful',
  ],
];
