/**
 * What has to be true in Exchange Online before an app may send, as data.
 *
 * The script for administrators is rendered from it, and the emulator's tenant is brought into the same state by it, so that both
 * cannot say different things.
 */

/** One thing that has to be true. */
export type ExchangeStep =
  /** Exchange knows the app: `New-ServicePrincipal`. `objectId` is that of the enterprise application, not of the app registration. */
  | {
      readonly kind: 'register-service-principal';
      readonly appId: string;
      readonly objectId: string;
      readonly displayName: string;
    }
  /** The app may open a mailbox: `Add-MailboxPermission … FullAccess`. */
  | { readonly kind: 'grant-mailbox'; readonly mailbox: string; readonly objectId: string }
  /** The app may send as another address: `Add-RecipientPermission … SendAs`. */
  | { readonly kind: 'grant-send-as'; readonly address: string; readonly objectId: string }
  /** A mail-enabled security group that holds the mailboxes. */
  | { readonly kind: 'group-mailboxes'; readonly group: string; readonly mailboxes: readonly string[] }
  /** What an app may do with that role it may do for members of that group alone: `New-ManagementScope`. */
  | { readonly kind: 'limit-to-group'; readonly scope: string; readonly group: string }
  /** The app has the role `Application SMTP.SendAsApp` within a scope: `New-ManagementRoleAssignment`. */
  | { readonly kind: 'assign-role'; readonly assignment: string; readonly appId: string; readonly scope: string }
  /** SMTP AUTH is on for one mailbox: `Set-CASMailbox`. */
  | { readonly kind: 'enable-smtp-auth'; readonly mailbox: string }
  /** SMTP AUTH is on for every mailbox that does not say otherwise: `Set-TransportConfig`. */
  | { readonly kind: 'enable-smtp-auth-for-organization' };

/**
 * Everything that has to be true, in the order in which it is made so.
 *
 * `mailbox-permission`: a permission of the app in Entra and FullAccess on each mailbox. `application-rbac`: a role within a
 * scope, and no permission of the app in Entra; with one, Exchange would ask for FullAccess as well.
 */
export interface ExchangePlan {
  readonly model: 'mailbox-permission' | 'application-rbac';
  readonly steps: readonly ExchangeStep[];
}
