/** One command, one reply. */
import { failure, success, type Result, type SmtpStage } from '@postbearer/core';
import type { SmtpReply } from '../reply/index.ts';
import type { Wire } from './wire.ts';

/** How a command is put on the wire and its reply taken. */
export interface CommandOptions {
  /** Called in the same turn as the reply, before any further input is looked at. */
  readonly onReply?: (reply: SmtpReply) => void;
}

/** Writes with `write` and waits for one reply of `stage`. A lost wire or a late reply is a fault. */
export function exchange(
  wire: Wire,
  stage: SmtpStage,
  write: () => void,
  options: CommandOptions = {},
): Promise<Result<SmtpReply>> {
  if (wire.fault !== undefined) return Promise.resolve(failure(wire.fault));
  const { promise, resolve } = Promise.withResolvers<Result<SmtpReply>>();
  wire.begin({
    stage,
    onReply(reply) {
      wire.finish();
      options.onReply?.(reply);
      resolve(success(reply));
    },
    onLost: (fault) => resolve(failure(fault)),
  });
  wire.expect(stage);
  write();
  return promise;
}

/** Sends one command line, given without its CR LF, and waits for its reply. */
export function command(
  wire: Wire,
  stage: SmtpStage,
  line: string,
  options?: CommandOptions,
): Promise<Result<SmtpReply>> {
  return exchange(wire, stage, () => wire.writeLines(`${line}\r\n`), options);
}
