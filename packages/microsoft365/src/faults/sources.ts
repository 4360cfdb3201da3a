/** The pages that the fault tables rest on, named once. */

/** The day on which every page and public report named in these tables was read. */
export const READ = '2026-11-24';

/** Sign-in to SMTP with client credentials. */
export const OAUTH_SMTP =
  'learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth';
/** RBAC for Applications with SMTP. */
export const RBAC_SMTP = 'learn.microsoft.com/exchange/client-developer/legacy-protocols/smtp-app-rbac-onboarding';
/** The client credentials flow of Entra. */
export const CLIENT_CREDENTIALS = 'learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow';
/** The list of AADSTS codes. Microsoft says there that they may change at any time: they serve as advice only. */
export const AADSTS_CODES = 'learn.microsoft.com/entra/identity-platform/reference-error-codes';
/** Codes seen in public reports and absent from Microsoft's list. */
export const AADSTS_SEEN = 'public reports; not in the list of reference-error-codes';
/** Switches of SMTP AUTH. */
export const AUTHENTICATED_SUBMISSION =
  'learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission';
/** Errors of printers, scanners and other devices. */
export const DEVICES =
  'learn.microsoft.com/exchange/troubleshoot/email-delivery/fix-issues-with-printers-scanners-and-lob-applications-that-send-email-using-off';
/** Throttling of client submission. */
export const SUBMISSION_LIMITS = 'learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements';
/** Non-delivery reports of Exchange Online. */
export const NDR =
  'learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online';
/** Limits on outbound mail. */
export const SENDING_LIMITS = 'learn.microsoft.com/defender-office-365/outbound-spam-sending-limits-troubleshoot';
/** Announcement of the end of Basic authentication for SMTP AUTH, version 3.0. */
export const BASIC_AUTH_END =
  'techcommunity.microsoft.com/blog/exchange/updated-exchange-online-smtp-auth-basic-authentication-deprecation-timeline/4489835';
/** Replies of smtp.office365.com in public logs, no page of Microsoft. */
export const SEEN_IN_LOGS = 'replies of smtp.office365.com in public logs';
