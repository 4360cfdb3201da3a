/**
 * From a reference to the secret itself, at the moment of use.
 *
 * Nothing is kept: a file is read anew each time, so a rotated secret is taken up without a restart.
 */
import type { Result, Secret, SecretRef } from '@postbearer/core';
import { readSecretFile } from './stores/file.ts';
import { readSystemdCredential } from './stores/systemd-credential.ts';
import { checkValue } from './stores/value.ts';
import { readBounded, type ReadFile } from './stores/read-bounded.ts';

/** What resolving works with. */
export interface SecretSources {
  /** Reads a file; by default from disk, at most one byte more than a secret may have. */
  readonly readFile?: ReadFile;
  /** Environment variables: `CREDENTIALS_DIRECTORY`. By default those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Resolves a reference.
 *
 * @returns the secret, never empty, or a `SECRET_…` fault that names the place and not the value.
 *
 * @example
 * ```ts
 * import { Secret } from '@postbearer/core';
 * import { resolveSecret } from '@postbearer/secrets';
 *
 * const readFile = async () => Buffer.from('correct horse\n');
 * const secret = await resolveSecret({ kind: 'file', path: '/run/secrets/smtp' }, { readFile });
 * secret.ok && secret.value.reveal(); // => 'correct horse'
 * secret.ok && String(secret.value); // => '[secret]'
 * (await resolveSecret({ kind: 'value', value: Secret.of('') })).ok; // => false
 * ```
 */
export async function resolveSecret(reference: SecretRef, sources: SecretSources = {}): Promise<Result<Secret>> {
  const { readFile = readBounded, environment = process.env } = sources;
  switch (reference.kind) {
    case 'value':
      return checkValue(reference.value);
    case 'file':
      return readSecretFile(reference.path, readFile);
    case 'systemd-credential':
      return readSystemdCredential(reference.name, environment, readFile);
  }
}
