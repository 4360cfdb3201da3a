/**
 * Secrets: how settings name them and how a revealed one is held.
 *
 * Settings hold references; only the moment of use resolves them. A resolved secret is a {@link Secret}, which prints,
 * concatenates and serialises as `[secret]`, so that a log line or a JSON document cannot show it by accident.
 */

const MASK = '[secret]';

/** A secret value in memory. Only {@link Secret.reveal} gives it out. */
export class Secret {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Takes a secret into custody. */
  static of(text: string): Secret {
    return new Secret(text);
  }

  /** The value itself. Call it where the secret is used and keep the result in no longer-lived place. */
  reveal(): string {
    return this.#text;
  }

  /** Whether there is anything in it. */
  get isEmpty(): boolean {
    return this.#text === '';
  }

  /** `[secret]`, never the value; inspecting the object shows nothing either, since the value is a private field. */
  toString(): string {
    return MASK;
  }

  /** `[secret]`, never the value. */
  toJSON(): string {
    return MASK;
  }
}

/** Where a secret is to be found when it is needed. */
export type SecretRef =
  /** Written into the settings themselves. */
  | { readonly kind: 'value'; readonly value: Secret }
  /** The content of a file, one trailing line break left off; read anew at each use. */
  | { readonly kind: 'file'; readonly path: string }
  /** A systemd credential: the file of that name in `$CREDENTIALS_DIRECTORY` (systemd.exec, LoadCredential=). */
  | { readonly kind: 'systemd-credential'; readonly name: string };
