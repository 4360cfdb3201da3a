/**
 * The state of a local Microsoft 365, as a person writes it: an object in a test or a JSON file.
 *
 * Everything that may be left out has a default under which mail goes out, so a state names only what is special about
 * it. The words are those of Entra and Exchange; moments are ISO 8601 texts.
 */

/** A client secret of an app. */
export interface SecretState {
  /** The secret itself; a random one of Entra's form is made when it is left out. */
  readonly value?: string;
  /** From when it is valid; at once when left out. */
  readonly startsAt?: string;
  /** Until when it is valid; one year from the start of the emulator when left out. */
  readonly endsAt?: string;
}

/** A trust in tokens of another issuer (workload identity federation). */
export interface FederatedCredentialState {
  readonly issuer: string;
  readonly subject: string;
  /** Its name in Microsoft Graph. */
  readonly name?: string;
  /** `api://AzureADTokenExchange` when left out. */
  readonly audience?: string;
  /** The public keys of the issuer as JSON Web Keys; the real service reads them from the issuer's key document. */
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

/** The enterprise application of an app in its tenant, and whether Exchange knows it. */
export interface ServicePrincipalState {
  /** Object ID of the enterprise application; random when left out. */
  readonly objectId?: string;
  /** Whether `New-ServicePrincipal` was run; true when left out. */
  readonly registeredInExchange?: boolean;
  /** Whether it was run with an object ID that is not the enterprise application's (the usual mistake). */
  readonly wrongObjectId?: boolean;
}

/** An app registration. */
export interface AppState {
  /** Application (client) ID; random when left out. */
  readonly clientId?: string;
  readonly displayName?: string;
  /** The key under which Microsoft Graph finds it again; none when left out. */
  readonly uniqueName?: string;
  /** One random secret when left out; an empty list for an app without secrets. */
  readonly secrets?: readonly SecretState[];
  /** Registered certificates, PEM. Their public keys check the signatures of client assertions. */
  readonly certificates?: readonly string[];
  readonly federatedCredentials?: readonly FederatedCredentialState[];
  /** Application permissions of Office 365 Exchange Online with admin consent; `['SMTP.SendAsApp']` when left out. */
  readonly consent?: readonly string[];
  /** Application permissions of Microsoft Graph with admin consent, such as `Application.ReadWrite.OwnedBy`; none when left out. */
  readonly graphConsent?: readonly string[];
  readonly disabled?: boolean;
  /** `null` for an app that has no service principal in its tenant. */
  readonly servicePrincipal?: ServicePrincipalState | null;
  /** Mailboxes with `Add-MailboxPermission … -AccessRights FullAccess`; none when left out. */
  readonly mailboxPermissions?: readonly string[];
  /** Addresses with `Add-RecipientPermission … -AccessRights SendAs`; none when left out. */
  readonly sendAs?: readonly string[];
  /** Mailboxes in the scope of the role `Application SMTP.SendAsApp` (RBAC for Applications); none when left out. */
  readonly rbac?: readonly string[];
}

/** A mailbox. */
export interface MailboxState {
  readonly address: string;
  readonly aliases?: readonly string[];
  /** `Set-CASMailbox -SmtpClientAuthenticationDisabled`; `null` or left out follows the tenant. */
  readonly smtpAuthDisabled?: boolean | null;
  /** Largest message it may send; 36,700,160 (35 MB) when left out. */
  readonly maxMessageBytes?: number;
  /** Largest number of recipients in one message; 500 when left out, 1 to 1000 in Exchange. */
  readonly maxRecipients?: number;
  /** Whether its storage is full. */
  readonly full?: boolean;
  /** The password of its user, for sign-in with Basic authentication; without one every password is wrong. */
  readonly password?: string;
  /** Addresses that its own user may send as, beside its own. */
  readonly sendAs?: readonly string[];
}

/**
 * What a tenant does with passwords over SMTP: takes them, blocks them by an authentication policy, or refuses them as
 * Microsoft announced for the time after the retirement of Basic authentication.
 */
export type BasicAuthPolicy = 'allowed' | 'blocked' | 'retired';

/**
 * How a missing FullAccess shows: both were seen at Exchange Online. Either the sign-in is refused (535 5.7.3), or it
 * passes and the message is refused after its end (430 4.2.0).
 */
export type MissingFullAccess = 'refuse-sign-in' | 'refuse-message';

/** What a tenant's application management policy does with new client secrets: takes them, forbids them, or takes them for half a year at most. */
export type SecretPolicy = 'allowed' | 'forbidden' | 'half-a-year';

/** A tenant (an organization). */
export interface TenantState {
  /** Directory (tenant) ID; random when left out. */
  readonly id?: string;
  readonly domains: readonly string[];
  /** `Set-TransportConfig -SmtpClientAuthenticationDisabled`; false when left out. */
  readonly smtpAuthDisabled?: boolean;
  readonly securityDefaults?: boolean;
  /** `allowed` when left out. */
  readonly basicAuth?: BasicAuthPolicy;
  /** `refuse-sign-in` when left out. */
  readonly missingFullAccess?: MissingFullAccess;
  /** `allowed` when left out. */
  readonly secretPolicy?: SecretPolicy;
  readonly apps: readonly AppState[];
  readonly mailboxes: readonly MailboxState[];
}

/** Everything that the emulator knows. */
export interface EmulatorState {
  readonly tenants: readonly TenantState[];
}

/** Names of `contoso.example`: a domain that RFC 2606 reserves, so no mail can leave by mistake. */
export const DEFAULT_STATE: EmulatorState = {
  tenants: [
    {
      domains: ['contoso.example', 'contoso.onmicrosoft.example'],
      apps: [
        {
          displayName: 'Contoso notifications',
          mailboxPermissions: ['notifications@contoso.example'],
        },
      ],
      mailboxes: [{ address: 'notifications@contoso.example' }],
    },
  ],
};
