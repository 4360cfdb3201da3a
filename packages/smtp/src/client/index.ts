/**
 * The client half of SMTP: connections, sign-in, messages, and a pool of kept connections.
 *
 * @packageDocumentation
 */
export type { SmtpCapabilities } from './capabilities.ts';
export { connectSmtp, type ConnectOptions, type SmtpSecurity } from './connect.ts';
export type { CallOptions, SmtpConnection } from './connection.ts';
export { clientFaults, type ClientFaultCode } from './faults.ts';
export type { CredentialSource, OfferedCredentials } from './credential-renewal.ts';
export type { SmtpCredentials } from './mechanisms.ts';
export { createSmtpPool, type PoolCounts, type SmtpPool, type SmtpPoolOptions } from './pool.ts';
export type { CertificateSummary, TlsOptions, TlsSummary } from './secure-socket.ts';
export { DEFAULT_TIMEOUTS, type StageTimeouts } from './timeouts.ts';
export { verdictOf, verdictsOf } from './verdicts.ts';
