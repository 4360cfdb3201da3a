/** The names of log levels, as Serilog and the settings of administrators write them. */

/** Levels from the most talkative to the gravest. */
export const LOG_LEVELS = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const SYNONYMS: ReadonlyMap<string, LogLevel> = new Map([
  ['trace', 'Verbose'],
  ['info', 'Information'],
  ['warn', 'Warning'],
  ['critical', 'Fatal'],
]);

/** The level that a text names, whatever its case; `undefined` where it names none. `Trace`, `Info`, `Warn` and `Critical` are understood. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const wanted = text.trim().toLowerCase();
  return LOG_LEVELS.find((level) => level.toLowerCase() === wanted) ?? SYNONYMS.get(wanted);
}

/** Whether something of `level` is to be shown when the threshold is `threshold`. */
export function isShown(level: LogLevel, threshold: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(threshold);
}
