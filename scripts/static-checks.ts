/** The checks that read the sources and run nothing, for `npm run check` and for `tests/tools.test.ts` alike. */

/** One check: commands of `node_modules/.bin` that must all end with 0. */
export interface StaticCheck {
  readonly name: string;
  readonly commands: readonly (readonly [tool: string, ...args: string[]])[];
}

/** The types of the published sources, each layer with its own tsconfig. Writes into `dist`. */
export const layerTypes: StaticCheck = { name: 'types of each layer', commands: [['tsc', '-b']] };

/** Every other check; none writes anything. */
export const readOnlyChecks: readonly StaticCheck[] = [
  { name: 'types of tests and scripts', commands: [['tsc', '-p', 'tsconfig.tests.json']] },
  { name: 'lint', commands: [['oxlint', '--type-aware', '--tsconfig=tsconfig.tests.json', '--deny-warnings']] },
  { name: 'format', commands: [['oxfmt', '--check']] },
  {
    name: 'unused files, exports and dependencies',
    commands: [['knip', '--no-progress', '--treat-config-hints-as-errors']],
  },
];
