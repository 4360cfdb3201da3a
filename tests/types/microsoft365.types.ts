/** The types of `@postbearer/microsoft365` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Fault } from '@postbearer/core';
import { explainClaims, explainFault, powerShellArgument, type Microsoft365Context } from '@postbearer/microsoft365';
import {
  CLOUDS,
  parseCloudName,
  parseTokenEndpoint,
  tokenEndpointOf,
  type Cloud,
  type CloudName,
  type TenantKind,
  type TokenEndpoint,
} from '@postbearer/microsoft365/clouds';
import { expectTypeOf } from 'vitest';

expectTypeOf(explainFault).toEqualTypeOf<(fault: Fault, context: Microsoft365Context) => Fault>();
expectTypeOf(explainClaims).toEqualTypeOf<(context: Microsoft365Context) => Fault | undefined>();
expectTypeOf(powerShellArgument).toEqualTypeOf<(value: string | undefined, placeholder: string) => string>();
expectTypeOf(CLOUDS).toEqualTypeOf<Readonly<Record<CloudName, Cloud>>>();
expectTypeOf<CloudName>().toEqualTypeOf<'global' | 'us-government' | 'china'>();
expectTypeOf<TenantKind>().toEqualTypeOf<'id' | 'domain' | 'shared' | 'placeholder' | 'other'>();
expectTypeOf(parseCloudName).toEqualTypeOf<(text: string) => CloudName | undefined>();
expectTypeOf(parseTokenEndpoint).toEqualTypeOf<(url: string) => TokenEndpoint | undefined>();
expectTypeOf(tokenEndpointOf).returns.toEqualTypeOf<string>();
// @ts-expect-error -- no such cloud
tokenEndpointOf({ tenant: 'contoso.example', cloud: 'moon' });
