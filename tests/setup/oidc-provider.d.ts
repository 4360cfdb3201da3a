/** The few words of oidc-provider that the tests use; the package brings no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly ClientCredentials: { find(token: string): Promise<{ readonly clientId?: string } | undefined> };
    on(event: string, listener: () => void): this;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  }
}
