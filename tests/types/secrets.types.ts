/** The types of `@postbearer/secrets` as its users see them. Compiled by `tsconfig.tests.json`, never run. */
import type { Fault, Result, Secret, SecretRef } from '@postbearer/core';
import {
  MAX_SECRET_BYTES,
  resolveSecret,
  secretFileProblem,
  type ReadFile,
  type SecretSources,
} from '@postbearer/secrets';
import { expectTypeOf } from 'vitest';

expectTypeOf(resolveSecret).toEqualTypeOf<(reference: SecretRef, sources?: SecretSources) => Promise<Result<Secret>>>();
expectTypeOf(secretFileProblem).toEqualTypeOf<(file: string) => Promise<Fault | undefined>>();
expectTypeOf<ReadFile>().toEqualTypeOf<(path: string, maxBytes: number) => Promise<Uint8Array>>();
expectTypeOf(MAX_SECRET_BYTES).toExtend<number>();
