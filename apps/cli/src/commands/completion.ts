/** `postbearer completion`: a script that teaches a shell the commands and their options. */
import { Argument, Command } from 'commander';
import { COMMANDS, type DefineCommand } from '../command-table.ts';
import { EXIT } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

interface CompletionEntry {
  readonly path: string;
  readonly summary: string;
  readonly options: readonly string[];
}

async function entriesOf(terminal: Terminal): Promise<readonly CompletionEntry[]> {
  return await Promise.all(
    COMMANDS.map(async ({ path, summary, load }) => {
      const command = new Command(path);
      (await load()).define(command, terminal, () => undefined);
      return {
        path,
        summary,
        options: [
          ...command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long])),
          '--help',
        ],
      };
    }),
  );
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
  const cases = [...nextWords(entries)].map(([before, words]) => `    "${before}") words="${words.join(' ')}" ;;`);
  const options = entries.map((entry) => `    "${entry.path}") words="${entry.options.join(' ')}" ;;`);
  return `# postbearer completion for bash; load with: source <(postbearer completion bash)
_postbearer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    path="\${path:+$path }$word"
  done
  case "$path" in
${cases.join('\n')}
  esac
  if [ -z "$words" ] || [ "\${current:0:1}" = "-" ]; then
    case "$path" in
${options.join('\n')}
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
  const rows = entries.flatMap(({ path, summary, options }) => {
    const parts = path.split(' ');
    const seen = `__fish_seen_subcommand_from ${parts.at(-1) ?? ''}`;
    const place = parts.length === 1 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${parts[0] ?? ''}`;
    return [
      `complete -c postbearer -n ${quote(place)} -f -a ${parts.at(-1) ?? ''} -d ${quote(summary)}`,
      ...options.map((option) => `complete -c postbearer -n ${quote(seen)} -l ${option.slice(2)}`),
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
  const options = entries.map((entry) => `    '${entry.path}' = @(${list(entry.options)})`);
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
