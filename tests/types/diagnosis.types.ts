/** The types of `@postbearer/diagnosis` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Fault, FaultCode, FaultDefinition, Result } from '@postbearer/core';
import {
  allFaults,
  CHECK_NAMES,
  createTokenSources,
  refineFault,
  renderChain,
  upstreamAccess,
  verifyUpstream,
  type ChainReport,
  type CheckName,
  type CheckProgress,
  type CheckResult,
  type CheckStatus,
  type OwnedFault,
  type RenderOptions,
  type TokenSources,
  type UpstreamAccess,
  type UpstreamAccessOptions,
  type VerifyOptions,
} from '@postbearer/diagnosis';
import type { Microsoft365Context } from '@postbearer/microsoft365';
import type { Settings, Upstream } from '@postbearer/settings';
import type { ConnectOptions, CredentialSource } from '@postbearer/smtp/client';
import { expectTypeOf } from 'vitest';

// Functions
expectTypeOf(verifyUpstream).toEqualTypeOf<
  (settings: Pick<Settings, 'file' | 'upstreams'>, upstream: string, options?: VerifyOptions) => Promise<ChainReport>
>();
expectTypeOf(renderChain).toEqualTypeOf<(report: ChainReport, options: RenderOptions) => string>();
expectTypeOf(upstreamAccess).toEqualTypeOf<
  (settings: Pick<Settings, 'upstreams'>, name: string, options?: UpstreamAccessOptions) => Result<UpstreamAccess>
>();
expectTypeOf(createTokenSources).toEqualTypeOf<() => TokenSources>();
expectTypeOf<UpstreamAccessOptions['tokens']>().toEqualTypeOf<TokenSources | undefined>();
expectTypeOf(refineFault).toEqualTypeOf<(fault: Fault, context: Microsoft365Context) => Fault>();
expectTypeOf(allFaults).toEqualTypeOf<readonly OwnedFault[]>();

// Reports
expectTypeOf(CHECK_NAMES[0]).toEqualTypeOf<'settings'>();
expectTypeOf<CheckName>().toEqualTypeOf<
  | 'settings'
  | 'name-resolution'
  | 'tcp'
  | 'smtp-greeting'
  | 'starttls'
  | 'certificate'
  | 'capabilities'
  | 'token'
  | 'token-claims'
  | 'auth'
  | 'sender'
>();
expectTypeOf<CheckStatus>().toEqualTypeOf<'passed' | 'warning' | 'failed' | 'not-reached' | 'skipped'>();
expectTypeOf<CheckResult>().toEqualTypeOf<{
  readonly name: CheckName;
  readonly title: string;
  readonly status: CheckStatus;
  readonly durationMs: number;
  readonly detail: string;
  readonly fault?: Fault;
}>();
expectTypeOf<ChainReport>().toEqualTypeOf<{
  readonly upstream: string;
  readonly mailbox?: string;
  readonly server?: string;
  readonly results: readonly CheckResult[];
  readonly ok: boolean;
  readonly firstBroken?: CheckResult;
  readonly totalMs: number;
}>();
expectTypeOf<Extract<CheckProgress, { kind: 'finished' }>['result']>().toEqualTypeOf<CheckResult>();

// Access and catalogue
expectTypeOf<UpstreamAccess['upstream']>().toEqualTypeOf<Upstream>();
expectTypeOf<UpstreamAccess['connect']>().toEqualTypeOf<Pick<ConnectOptions, 'host' | 'port' | 'security' | 'tls'>>();
expectTypeOf<UpstreamAccess['credentials']>().toEqualTypeOf<CredentialSource | undefined>();
expectTypeOf<ReturnType<UpstreamAccess['context']>>().toEqualTypeOf<Microsoft365Context>();
expectTypeOf<OwnedFault>().toEqualTypeOf<{
  readonly code: FaultCode;
  readonly owner: string;
  readonly definition: FaultDefinition;
}>();
