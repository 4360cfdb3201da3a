/**
 * The tokens that several upstreams and mailboxes share.
 *
 * One app has one token, however many mailboxes sign in with it: it is kept for each endpoint, client, scope and way to
 * authenticate. Upstreams that trust other certificate authorities share nothing: a token endpoint that one of them does not
 * trust must not stop the others.
 */
import type { TokenSource } from '@postbearer/oauth';

/** See the head of this file; made by {@link createTokenSources} and handed to `upstreamAccess` and `verifyUpstream`. */
export interface TokenSources {
  /**
   * The tokens of those who trust the same authorities.
   *
   * @param trust - names what is trusted: the CA file of an upstream, or nothing.
   * @param make - makes the source for the first who asks.
   */
  of(trust: string, make: () => TokenSource): TokenSource;
  /** Ends token requests in flight and forgets all tokens; whoever asks later gets an `AbortError`. Safe to repeat. */
  close(): void;
}

/**
 * Makes an empty set of sources. It holds no timer and no connection while nobody waits for a token.
 *
 * @example
 * ```ts
 * import { createTokenSources, upstreamAccess } from '@postbearer/diagnosis';
 *
 * const settings = { logLevel: 'Information', upstreams: {}, mailboxes: {} } as const;
 * const tokens = createTokenSources();
 * for (const mailbox of ['sales@contoso.com', 'reports@contoso.com']) {
 *   const access = upstreamAccess(settings, 'default', { mailbox, tokens });
 *   if (access.ok) access.value.close(); // the tokens stay
 * }
 * tokens.close();
 * ```
 */
export function createTokenSources(): TokenSources {
  const sources = new Map<string, TokenSource>();
  let isClosed = false;
  return {
    of(trust, make) {
      const source = sources.get(trust) ?? make();
      sources.set(trust, source);
      if (isClosed) source.close();
      return source;
    },
    close() {
      isClosed = true;
      for (const source of sources.values()) source.close();
    },
  };
}
