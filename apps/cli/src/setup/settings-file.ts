/** Which settings file the set-up writes: JSON only, since only JSON can be changed in place. */
import { resolve } from 'node:path';
import { CommandFailure } from '../command-failure.ts';
import type { Terminal } from '../terminal.ts';

const DEFAULT = 'Global-variables.json';

/** The file of the flags, else POSTBEARER_CONFIG, else `Global-variables.json` in the working folder. */
export function settingsFileOf(flags: { readonly config?: string }, { environment, workingFolder }: Terminal): string {
  const file = flags.config ?? environment['POSTBEARER_CONFIG'] ?? DEFAULT;
  if (file.endsWith('.tfvars') || file.endsWith('.tfvars.json'))
    throw CommandFailure.usage(
      `${file} is a Terraform file, which Terraform writes. Name a JSON file; postbearer config convert shows the lines for Terraform.`,
    );
  return resolve(workingFolder, file);
}
