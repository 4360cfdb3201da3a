/** `postbearer completion`: a script that teaches a shell the commands and their options. */
import { Argument, Command } from 'commander';
import { COMMANDS, type DefineCommand } from '../command-table.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

interface CompletionOption {
  readonly name: string;
  /** What may follow it, where that is a choice. */
  readonly choices: readonly string[];
  /** Whether a file follows it. */
  readonly takesFile: boolean;
}

interface CompletionEntry {
  readonly path: string;
  readonly summary: string;
  readonly options: readonly CompletionOption[];
  /** The choices of its argument, where it has one. */
  readonly choices: readonly string[];
}

const HELP: CompletionOption = { name: '--help', choices: [], takesFile: false };

async function entriesOf(terminal: Terminal): Promise<readonly CompletionEntry[]> {
  return await Promise.all(
    COMMANDS.map(async ({ path, summary, load }) => {
      const command = new Command(path);
      (await load()).define(command, terminal, () => undefined);
      const options = command.options.flatMap(({ long, flags, argChoices }) =>
        typeof long === 'string' ? [{ name: long, choices: argChoices ?? [], takesFile: flags.includes('<file') }] : [],
      );
      const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
      return { path, summary, options: [...options, HELP], choices };
    }),
  );
}

function namesOf({ options }: CompletionEntry): string {
  return options.map(({ name }) => name).join(' ');
}

/** The words that may follow each beginning: '' -> first words, 'config' -> its verbs. */
function nextWords(entries: readonly CompletionEntry[]): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, Set<string>>();
  for (const { path } of entries) {
    const parts = path.split(' ');
    for (const [index, part] of parts.entries()) {
      const before = parts.slice(0, index).join(' ');
      words.set(before, (words.get(before) ?? new Set()).add(part));
    }
  }
  return new Map([...words].map(([before, set]) => [before, [...set]]));
}

function bash(entries: readonly CompletionEntry[]): string {
  const words = [...nextWords(entries)].map(([before, next]) => `    "${before}") words="${next.join(' ')}" ;;`);
  const choices = entries.flatMap((entry) =>
    entry.choices.length === 0 ? [] : [`    "${entry.path}") words="${entry.choices.join(' ')}" ;;`],
  );
  const options = entries.map((entry) => `    "${entry.path}") words="${namesOf(entry)}" ;;`);
  const values = entries.flatMap(({ path, options: all }) =>
    all.flatMap(({ name, choices: offered, takesFile }) => {
      if (offered.length > 0)
        return [`    "${path} ${name}") COMPREPLY=($(compgen -W "${offered.join(' ')}" -- "$current")); return ;;`];
      return takesFile ? [`    "${path} ${name}") return ;;`] : [];
    }),
  );
  return `# postbearer completion for bash; load with: source <(postbearer completion bash)
_postbearer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" word words=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    path="\${path:+$path }$word"
  done
  # The value of an option: its choices, or files.
  case "$path $before" in
${values.join('\n')}
  esac
  if [ "\${current:0:1}" = "-" ]; then
    words="--help"
    [ -z "$path" ] && words="--help --version"
    case "$path" in
${options.join('\n')}
    esac
  else
    case "$path" in
${[...words, ...choices].join('\n')}
    esac
  fi
  if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
}
complete -o default -F _postbearer postbearer
`;
}

function zsh(entries: readonly CompletionEntry[]): string {
  return `#compdef postbearer
# postbearer completion for zsh; load with: source <(postbearer completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(entries)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`\'`)}'`;
}

function fish(entries: readonly CompletionEntry[]): string {
  const rows = entries.flatMap(({ path, summary, options, choices }) => {
    const [first = '', second] = path.split(' ');
    const place = second === undefined ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${first}`;
    const seen = path
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    return [
      `complete -c postbearer -n ${quote(place)} -f -a ${second ?? first} -d ${quote(summary)}`,
      ...(choices.length === 0 ? [] : [`complete -c postbearer -n ${quote(seen)} -f -a ${quote(choices.join(' '))}`]),
      ...options.map(({ name, choices: offered, takesFile }) => {
        const value = offered.length > 0 ? ` -x -a ${quote(offered.join(' '))}` : takesFile ? ' -r -F' : '';
        return `complete -c postbearer -n ${quote(seen)} -l ${name.slice(2)}${value}`;
      }),
    ];
  });
  const nouns = [...new Set(entries.flatMap(({ path }) => (path.includes(' ') ? [path.split(' ')[0] ?? ''] : [])))];
  return `# postbearer completion for fish; load with: postbearer completion fish | source
${[...nouns.map((noun) => `complete -c postbearer -n '__fish_use_subcommand' -f -a ${noun}`), ...rows].join('\n')}
`;
}

function list(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ');
}

function powershell(entries: readonly CompletionEntry[]): string {
  const words = [...nextWords(entries)].map(([before, next]) => `    '${before}' = @(${list(next)})`);
  const options = entries.map(
    (entry) => `    '${entry.path}' = @(${list([...entry.choices, ...entry.options.map(({ name }) => name)])})`,
  );
  return `# postbearer completion for PowerShell; load with: postbearer completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName postbearer -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @{
${words.join('\n')}
  }
  $options = @{
${options.join('\n')}
  }
  $typed = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" } | Where-Object { $_ -notlike '-*' -and $_ -ne $wordToComplete })
  $path = $typed -join ' '
  $candidates = if ($wordToComplete -notlike '-*' -and $words.ContainsKey($path)) { $words[$path] } else { $options[$path] }
  $candidates | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`;
}

const SHELLS = { bash, zsh, fish, powershell } as const;

/** Adds the arguments and the action of `postbearer completion`. */
export const define: DefineCommand = (command, terminal, finish) => {
  command
    .description('Prints a script that completes commands and options in your shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(postbearer completion bash)\n  postbearer completion fish | source\n',
    )
    .action(async (shell: keyof typeof SHELLS) => {
      terminal.out(SHELLS[shell](await entriesOf(terminal)));
      finish(EXIT.ok);
    });
};
