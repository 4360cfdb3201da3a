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
  /** After closing: whether a write hangs that nobody can take back, so that the process does not end by itself. */
  readonly isStuck: boolean;
  /** Goes on from another level or in another form; a file stays the one that it is. */
  follow(settings: Pick<LogSettings, 'level' | 'format'>): void;
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
  const { file, isShort = false } = settings;
  const write = (record: string): void => writer.write(record);
  const writeShort = (record: string): void => writer.write(firstLine(record));
  const sinkOf = ({ level, format }: Pick<LogSettings, 'level' | 'format'>): EventSink =>
    createEventLog({ level, format, clock, write: isShort && format === 'text' ? writeShort : write });
  let { format } = settings;
  let sink = sinkOf(settings);
  const writer = new LogWriter({
    target: target ?? (file === undefined ? standardErrorTarget() : fileTarget(file)),
    clock,
    renderDropped: (dropped) => {
      const event = droppedEvent(dropped);
      return `${format === 'json' ? renderJson(event, clock.now()) : renderText(event)}\n`;
    },
  });
  return {
    onEvent: (event) => sink(event),
    get droppedCount() {
      return writer.droppedCount;
    },
    get trouble() {
      return writer.trouble;
    },
    get isStuck() {
      return writer.isStuck;
    },
    follow(next) {
      ({ format } = next);
      sink = sinkOf(next);
    },
    reopen: () => writer.reopen(),
    close: async () => await writer.close(),
  };
}
