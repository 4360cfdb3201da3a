/**
 * Values in PowerShell commands that a reader will paste.
 *
 * Rule: a value from settings or from a server can never become a second command. An address or a GUID stands bare, as in
 * Microsoft's pages; anything else stands in single quotes with every character doubled that PowerShell takes for a single
 * quote (about_Quoting_Rules: the ASCII one and the four curly ones). A value that cannot be shown whole on one line is
 * replaced by a placeholder, never cut.
 */

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PLAIN_ADDRESS = /^[A-Za-z][A-Za-z0-9._-]*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const QUOTES = /['\u2018-\u201b]/g;
// oxlint-disable-next-line no-control-regex -- control characters are what cannot be shown
const UNSHOWABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;
// The longest value that a fault's wording takes in without cutting it.
const LONGEST_ARGUMENT = 400;

/**
 * A value as one argument of a PowerShell command, or `<placeholder>` where there is none that can be shown.
 *
 * @example
 * ```ts
 * import { powerShellArgument } from '@postbearer/microsoft365';
 *
 * powerShellArgument('notifications@contoso.com', 'mailbox'); // => 'notifications@contoso.com'
 * powerShellArgument("o'neil@contoso.com; Remove-Mailbox x", 'mailbox'); // => "'o''neil@contoso.com; Remove-Mailbox x'"
 * powerShellArgument(undefined, 'mailbox'); // => '<mailbox>'
 * ```
 */
export function powerShellArgument(value: string | undefined, placeholder: string): string {
  if (value === undefined || value === '' || UNSHOWABLE.test(value) || !value.isWellFormed()) return `<${placeholder}>`;
  if (GUID.test(value) || PLAIN_ADDRESS.test(value)) return value;
  const quoted = `'${value.replaceAll(QUOTES, '$&$&')}'`;
  return quoted.length > LONGEST_ARGUMENT ? `<${placeholder}>` : quoted;
}

/** A value in single quotes whatever its form; `undefined` where it cannot be shown whole on one line. */
export function quotedArgument(value: string): string | undefined {
  if (value === '' || UNSHOWABLE.test(value) || !value.isWellFormed()) return undefined;
  const quoted = `'${value.replaceAll(QUOTES, '$&$&')}'`;
  return quoted.length > LONGEST_ARGUMENT ? undefined : quoted;
}

/** A GUID as it is, or `<placeholder>`: an identifier of another form in a command would only mislead. */
export function guidArgument(value: string | undefined, placeholder: string): string {
  return value !== undefined && GUID.test(value) ? value : `<${placeholder}>`;
}
