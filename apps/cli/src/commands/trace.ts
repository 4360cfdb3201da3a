/** `postbearer trace`: what happens in the running service now, the dialogues included. */
import type { DefineCommand } from '../command-table.ts';
import { addControlOptions, need, withControl, type ControlFlags } from '../control-options.ts';
import { EXIT } from '../exit-codes.ts';
import { presentTrace } from '../present/trace.ts';
import type { Terminal } from '../terminal.ts';

async function run(wanted: string, flags: ControlFlags, terminal: Terminal): Promise<number> {
  return await withControl(flags, terminal, async (control) => {
    const items = need(await control.trace({ wanted }))[Symbol.asyncIterator]();
    const end = Promise.withResolvers<'interrupted'>();
    terminal.signal.addEventListener('abort', () => end.resolve('interrupted'), { once: true });
    terminal.err(`Tracing ${wanted === '' ? 'everything' : wanted}; end with Ctrl+C.\n`);
    for (;;) {
      const next = await Promise.race([items.next(), end.promise]);
      if (next === 'interrupted') break;
      // A service that ends takes its trace with it.
      if (next.done === true) return EXIT.ok;
      terminal.out(flags.json === true ? `${JSON.stringify(next.value)}\n` : presentTrace(next.value, terminal));
    }
    // The stream waits for the next item, which may never come.
    void items.return?.();
    return EXIT.ok;
  });
}

/** Adds the argument, the options and the action of `postbearer trace`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description(
      'Shows what the running service does, as it happens: the SMTP dialogues with apps (down) and upstreams (up), and every event. Credentials are blanked and messages left out.',
    )
    .argument('[mailbox|app]', 'only what concerns this mailbox or this app')
    .addHelpText(
      'after',
      '\nExamples:\n  postbearer trace\n  postbearer trace scanner\n  postbearer trace notifications@example.com --json\n',
    );
  addControlOptions(command).action(async (wanted: string | undefined, flags: ControlFlags) =>
    finish(await run(wanted ?? '', flags, terminal)),
  );
};
