/** The types of `@postbearer/settings` and `@postbearer/secrets` as their users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { MailboxAddress, Result, Secret, SecretRef } from '@postbearer/core';
import { resolveSecret, type SecretSources } from '@postbearer/secrets';
import {
  convertSettings,
  loadSettings,
  readSettings,
  settingsFromObject,
  writeSettings,
  type Finding,
  type LoadOptions,
  type Settings,
  type SettingsReading,
  type Upstream,
} from '@postbearer/settings';
import { expectTypeOf } from 'vitest';

expectTypeOf(readSettings).toEqualTypeOf<(options?: LoadOptions) => Promise<SettingsReading>>();
expectTypeOf(settingsFromObject).toEqualTypeOf<(object: unknown) => SettingsReading>();
expectTypeOf(convertSettings).parameter(1).toEqualTypeOf<'json' | 'env' | 'tfvars'>();
expectTypeOf(writeSettings).returns.resolves.toExtend<Result<unknown>>();

// Loading gives settings, or a fault with every finding.
const loaded = await loadSettings();
if (loaded.ok) expectTypeOf(loaded.value).toEqualTypeOf<Settings>();
else expectTypeOf(loaded.fault.findings).toEqualTypeOf<readonly Finding[]>();

// Settings hold references to secrets, parsed addresses, and one way to sign in.
expectTypeOf<Upstream['password']>().toEqualTypeOf<SecretRef | undefined>();
expectTypeOf<Upstream['fromAddress']>().toEqualTypeOf<MailboxAddress | undefined>();
expectTypeOf<Upstream['authentication']>().toEqualTypeOf<'oauth' | 'password' | 'none'>();
expectTypeOf<Finding['severity']>().toEqualTypeOf<'error' | 'warning'>();

expectTypeOf(resolveSecret).toEqualTypeOf<(reference: SecretRef, sources?: SecretSources) => Promise<Result<Secret>>>();
// @ts-expect-error -- a text is no reference
await resolveSecret('secret');
