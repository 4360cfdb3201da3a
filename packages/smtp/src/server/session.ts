/** A connection as a handler sees it. */

/** How a connection is encrypted. */
export interface TlsInfo {
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  /** Such as `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
  /** The name that the client asked for (SNI), where it did. */
  readonly serverName?: string;
}

/** Where a connection comes from. */
export interface Peer {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** One connection, from the accepted socket to its end. */
export interface SmtpSession<State = undefined> extends Peer {
  /** Unique in this server; the `connection` of its dialogue events. */
  readonly id: string;
  /** `undefined` while the connection is not encrypted. */
  readonly tls: TlsInfo | undefined;
  /** What the client called itself in EHLO or HELO, or `undefined` before. Anything printable: never trust it. */
  readonly heloName: string | undefined;
  /** Who signed in, as the handler's `authenticate` named it. */
  readonly identity: string | undefined;
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal;
  /** The handler's own; made by `options.newState`. */
  state: State;
}
