/** The log of the service: events from a level up, as text or JSON, on standard error or in a file. */
import { renderJson, renderText, type Clock, type EventSink, type LogLevel, type LogDropped } from '@postbearer/core';
import { createEventLog } from '@postbearer/mailer';
import { fileTarget, LogWriter, standardErrorTarget, type DroppedRecords, type LogTarget } from './log-writer.ts';

/** How the log is written. */
export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
  /** Standard error where left out. Whoever rotates it sends SIGHUP. */
  readonly file?: string;
  /** Only the first line of each record, for a person at a terminal; text form only. */
  readonly isShort?: boolean;
}

/** A log. */
export interface ServiceLog {
  /** Takes events; never waits and never throws. */
  readonly onEvent: EventSink;
  /** Records that were dropped since the start. */
  readonly droppedCount: number;
  /** Why nothing can be written now; absent while all is well. */
  readonly trouble: DroppedRecords | undefined;
  /** Opens the file anew. */
  reopen(): void;
  close(): Promise<void>;
}

function droppedEvent({ count, since, reason }: DroppedRecords): LogDropped {
  return { name: 'log.dropped', lines: count, since, reason };
}

function firstLine(record: string): string {
  return record.slice(0, record.indexOf('\n') + 1);
}

/** Opens a log. `target` is where it goes in place of what the settings say. */
export function openServiceLog(settings: LogSettings, clock: Clock, target?: LogTarget): ServiceLog {
  const { level, format, file, isShort = false } = settings;
  const writer = new LogWriter({
    target: target ?? (file === undefined ? standardErrorTarget() : fileTarget(file)),
    clock,
    renderDropped: (dropped) => {
      const event = droppedEvent(dropped);
      return `${format === 'json' ? renderJson(event, clock.now()) : renderText(event)}\n`;
    },
  });
  return {
    onEvent: createEventLog({
      level,
      format,
      clock,
      write: (record) => writer.write(isShort && format === 'text' ? firstLine(record) : record),
    }),
    get droppedCount() {
      return writer.droppedCount;
    },
    get trouble() {
      return writer.trouble;
    },
    reopen: () => writer.reopen(),
    close: async () => await writer.close(),
  };
}
