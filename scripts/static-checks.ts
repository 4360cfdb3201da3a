/** The checks that read the sources and run nothing, for `npm run check` and for `tests/tools.test.ts` alike. */

/** One check: commands of `node_modules/.bin` that must all end with 0. */
export interface StaticCheck {
  readonly name: string;
  readonly commands: readonly (readonly [tool: string, ...args: string[]])[];
}

/** The types of everything: each layer with its own tsconfig, then tests and scripts. Writes into `dist` and `.cache`. */
export const allTypes: StaticCheck = { name: 'types', commands: [['tsc', '-b']] };

/** Every other check; none writes anything. */
export const readOnlyChecks: readonly StaticCheck[] = [
  { name: 'lint', commands: [['oxlint', '--type-aware', '--deny-warnings']] },
  { name: 'format', commands: [['oxfmt', '--check']] },
  {
    name: 'unused files, exports and dependencies',
    commands: [['knip', '--no-progress', '--treat-config-hints-as-errors']],
  },
];
