/**
 * Says why mail does not go out and what to do: the fault catalogue, the one refinement, and the one chain of checks.
 *
 * @packageDocumentation
 */
export { allFaults, type OwnedFault } from './all-faults.ts';
export type { VerifyOptions } from './chain-state.ts';
export type { Cause } from './explain/causes.ts';
export {
  explain,
  type Excerpt,
  type ExplainedCause,
  type ExplainOptions,
  type Explanation,
} from './explain/explain.ts';
export { faultPage } from './fault-page.ts';
export { refineFault } from './refine-fault.ts';
export { renderChain, type RenderOptions } from './render-chain.ts';
export {
  CHECK_NAMES,
  CHECK_STRANDS,
  CHECK_TITLES,
  type ChainReport,
  type CheckName,
  type CheckProgress,
  type CheckResult,
  type CheckStatus,
} from './report.ts';
export { createTokenSources, type TokenSources } from './token-sources.ts';
export { contextOf, upstreamAccess, type UpstreamAccess, type UpstreamAccessOptions } from './upstream-access.ts';
export { verifyUpstream } from './verify-upstream.ts';
