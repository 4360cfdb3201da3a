/** Events as log lines: in text or JSON, from a level up. */
import {
  isShown,
  levelOf,
  renderJson,
  renderText,
  systemClock,
  type Clock,
  type EventSink,
  type LogLevel,
} from '@postbearer/core';

/** How a log is written. */
export interface EventLogOptions {
  /** The lowest level that is written; `Information` where it is left out. */
  readonly level?: LogLevel;
  /** `text`: `[Information] …` with indented lines for the cause and the next step. `json`: one object a line. */
  readonly format?: 'text' | 'json';
  /** Takes each record with its final line break; writes to standard error where it is left out. */
  readonly write?: (record: string) => void;
  readonly clock?: Clock;
}

/**
 * A sink that writes events as log lines; hand it to `createMailer` as `onEvent`.
 *
 * @example
 * ```ts
 * import { createEventLog } from '@postbearer/mailer';
 *
 * const lines: string[] = [];
 * const log = createEventLog({ write: (record) => lines.push(record) });
 * log({ name: 'message.accepted', messageId: '<1@example.com>', recipient: 'user@example.com', reply: '250 OK' });
 * lines; // => ['[Information] Email sent successfully to: user@example.com\n']
 * ```
 */
export function createEventLog(options: EventLogOptions = {}): EventSink {
  const { level = 'Information', format = 'text', clock = systemClock } = options;
  const write = options.write ?? ((record: string): unknown => process.stderr.write(record));
  return (event) => {
    if (!isShown(levelOf(event), level)) return;
    write(`${format === 'json' ? renderJson(event, clock.now()) : renderText(event)}\n`);
  };
}
