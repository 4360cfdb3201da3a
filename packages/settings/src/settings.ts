/**
 * What the rest of the product sees: settings that are complete, checked and derived.
 *
 * An upstream is a server that takes our mail, with the way to sign in there. Secrets stay references until they are used.
 */
import type { Fault, LogLevel, MailboxAddress, Secret, SecretRef, SettingsEvidence } from '@postbearer/core';
import type { CloudName } from '@postbearer/microsoft365/clouds';

/** How a client proves who it is at the token endpoint (RFC 6749 section 2.3, RFC 7523, Azure). */
export type ClientAuthentication =
  | { readonly method: 'client_secret_post' | 'client_secret_basic'; readonly secret: SecretRef }
  | {
      readonly method: 'private_key_jwt';
      /** PEM file of the certificate that is registered with the app. */
      readonly certificateFile: string;
      /** The private key of that certificate, PEM. */
      readonly privateKey: SecretRef;
    }
  /** The content of the file is the client assertion (workload identity); read anew at each use. */
  | { readonly method: 'federated_token_file'; readonly path: string }
  /** The platform hands out the token; `clientId` names a user-assigned identity. */
  | { readonly method: 'managed_identity'; readonly clientId?: string };

/** How tokens are obtained. */
export interface OAuthSettings {
  readonly enabled: boolean;
  /** Absolute URL; empty with `managed_identity`, where the platform names the endpoint. */
  readonly tokenEndpoint: string;
  /** Directory (tenant) ID or domain, where it is known. */
  readonly tenant?: string;
  /** Absent for providers other than Microsoft. */
  readonly cloud?: CloudName;
  /** Empty with `managed_identity`. */
  readonly clientId: string;
  readonly scope: string;
  readonly clientAuthentication: ClientAuthentication;
}

/** A server that takes our mail. */
export interface Upstream {
  readonly name: string;
  /** When false nothing is sent, and `server` may be empty. */
  readonly enabled: boolean;
  /** Where `enabled` was said, or would be: `key` as that form writes it (`ENABLE_EMAIL`), `source` the place for people. */
  readonly enabledFrom: { readonly key: string; readonly source: string };
  readonly server: string;
  readonly port: number;
  /** `starttls`: encryption is required, by STARTTLS; `tls`: from the first byte (port 465); `none`: never with credentials. */
  readonly security: 'starttls' | 'tls' | 'none';
  /** With OAuth the mailbox to send as. */
  readonly username?: string;
  readonly fromAddress?: MailboxAddress;
  readonly password?: SecretRef;
  /** PEM file with certificate authorities to trust beside the built-in ones. */
  readonly caFile?: string;
  readonly authentication: 'oauth' | 'password' | 'none';
  /** Present where `authentication` is `oauth`. */
  readonly oauth?: OAuthSettings;
}

/** How fast a mailbox may send; what is left out follows the provider's limits. */
export interface Pace {
  readonly connections?: number;
  readonly messagesPerMinute?: number;
  readonly recipientsPerDay?: number;
}

/** A mailbox to send as, beside the `username` of each upstream. */
export interface MailboxSettings {
  readonly upstream: string;
  /** Addresses in From that are sent through this mailbox, beside its own. */
  readonly from: readonly MailboxAddress[];
  readonly pace?: Pace;
}

/** A certificate with its chain, and its private key: two PEM files. */
export interface CertificatePair {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** One place where a part of the service listens. */
export interface Listener<Security extends string> {
  /** Host name or IP address, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly security: Security;
}

/** A receiver of events. */
export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and the key in Base64 (Standard Webhooks). */
  readonly secret: SecretRef;
  /** Names of events, `*` for any part of one; empty for all. */
  readonly events: readonly string[];
  /** A network of one's own in which the receiver may be, such as `10.1.2.0/24`; only public addresses are reached where it is absent. */
  readonly network?: string;
}

/** A migration from the password to OAuth; without `canaryApp` and `sharePercent` every message moves. */
export interface MigrationSettings {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The one app that moves; never beside `sharePercent`. */
  readonly canaryApp?: string;
  /** From 1 to 100. */
  readonly sharePercent?: number;
}

/** How the service is set up: the root key `postbearer` but for upstreams and mailboxes. */
export interface ServiceSettings {
  /** The place of the system where it is absent. */
  readonly dataFolder?: string;
  readonly node?: string;
  /** SQLite in the data folder where `url` is absent. */
  readonly database: { readonly url?: SecretRef };
  readonly relay: {
    /** This machine's where it is absent. */
    readonly hostname?: string;
    /** One is made in the data folder where it is absent. */
    readonly certificate?: CertificatePair;
    readonly listeners: readonly Listener<'starttls' | 'tls' | 'plain'>[];
    readonly maxMessageBytes: number;
    readonly maxRecipients: number;
    readonly connections: number;
    readonly connectionsPerClient: number;
  };
  /** What each app may hand in and have waiting; 0 for as much as it likes. */
  readonly apps: {
    readonly messagesPerMinute: number;
    readonly recipientsPerMinute: number;
    readonly queuedMessages: number;
    readonly queuedBytes: number;
  };
  readonly api: {
    /** That of the relay where it is absent. */
    readonly certificate?: CertificatePair;
    readonly listeners: readonly Listener<'tls' | 'plain'>[];
  };
  readonly sendmail: {
    /** Nothing is taken from a folder where it is absent. */
    readonly folder?: string;
    /** The name of the app as which that mail is sent. */
    readonly app: string;
    /** Gets mail for names without a domain. */
    readonly localMailTo?: MailboxAddress;
  };
  readonly queue: {
    readonly uncertain: 'retry' | 'stop' | 'ask';
    readonly bodyDays: number;
    readonly recordDays: number;
  };
  /** Each sender gets its own notices where `to` is absent. */
  readonly notices: { readonly to?: MailboxAddress };
  /** Present while mail moves from the password to OAuth. */
  readonly migration?: MigrationSettings;
  /** By name. Has no prototype. */
  readonly webhooks: Readonly<Record<string, WebhookSettings>>;
  readonly log: {
    readonly format: 'text' | 'json';
    /** Standard error where it is absent. */
    readonly file?: string;
  };
}

/** Settings that can be used as they are. */
export interface Settings {
  /** Absolute path of the file they come from, where there is one. */
  readonly file?: string;
  readonly logLevel: LogLevel;
  /** By name; `default` is the root `smtp`. Has no prototype, so that no name is found that was not written. */
  readonly upstreams: Readonly<Record<string, Upstream>>;
  /** By address, as it was written. Has no prototype. */
  readonly mailboxes: Readonly<Record<string, MailboxSettings>>;
  /** How `postbearer serve` is set up; nothing else looks at it. */
  readonly service: ServiceSettings;
}

/** Something to mend (`error`: nothing is sent before) or to know (`warning`). Its evidence names key, file and line. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly fault: Fault;
}

/** One setting as it is in effect, with the place it came from. */
export interface EffectiveValue {
  /** JSON path, such as `smtp.oauth.clientId`. */
  readonly key: string;
  /** The same path in parts: an address in it may hold dots. */
  readonly path: readonly string[];
  /**
   * For people: a secret shows as `[secret]`, a URL without its query, a value that nobody gave as `not set`, one that is a
   * mistake as `not understood`.
   */
  readonly value: string;
  /** The value whole, where `value` shows a part of it. */
  readonly whole?: Secret;
  /** For people: `environment EMAIL_SERVER`, `Global-variables.json:5`, `derived from smtp.oauth.tenant`, `default`. */
  readonly source: string;
  /** Whether somebody wrote it, it follows from other settings, or nobody said anything. */
  readonly origin: 'given' | 'derived' | 'default';
  /** For programs: where it is written, if somebody wrote it. */
  readonly evidence?: SettingsEvidence;
  readonly isSecret: boolean;
  /** Of a secret that is set: where its value is to be found. */
  readonly secret?: SecretRef;
}

/** Everything that was read, whether it can be used or not. */
export interface SettingsReading {
  /** Absent where a finding is an error. */
  readonly settings?: Settings;
  readonly findings: readonly Finding[];
  readonly values: readonly EffectiveValue[];
  /** Absolute path of the file that was read or, where it could not be, was named. */
  readonly file?: string;
  readonly form?: 'json' | 'tfvars';
}
