/** The rows of the table of `parity.ts`. */

/** The test that shows a behaviour: its file below `src`, its title, and a word of this case where one test has many. */
export interface ShownBy {
  readonly file: string;
  readonly title: string;
  readonly word?: string;
}

/** One behaviour. */
export type ParityRow =
  | {
      readonly behaviour: string;
      readonly status: 'captured' | 'modelled';
      readonly source: string;
      readonly shownBy: ShownBy;
    }
  | { readonly behaviour: string; readonly status: 'absent'; readonly source: string };

/** A heading and its rows. */
export interface ParitySection {
  readonly heading: string;
  readonly rows: readonly ParityRow[];
}

/** A behaviour with the test that shows it. */
export function shown(
  status: 'captured' | 'modelled',
  behaviour: string,
  source: string,
  file: string,
  title: string,
  word?: string,
): ParityRow {
  return { behaviour, status, source, shownBy: { file, title, ...(word === undefined ? {} : { word }) } };
}

/** A behaviour that is written after a source. */
export function modelled(behaviour: string, source: string, file: string, title: string, word?: string): ParityRow {
  return shown('modelled', behaviour, source, file, title, word);
}

/** A behaviour of the real service that the emulator does not have. */
export function absent(behaviour: string, source: string): ParityRow {
  return { behaviour, status: 'absent', source };
}
