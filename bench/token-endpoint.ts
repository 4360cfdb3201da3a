/** A token endpoint on loopback that counts how often it is asked. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TOKEN } from './workload.ts';

/** A running token endpoint. */
export interface TokenEndpoint extends AsyncDisposable {
  readonly url: string;
  /** Requests since the last call of this. */
  takeCount(): number;
}

/** Starts it. */
export async function startTokenEndpoint(): Promise<TokenEndpoint> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ token_type: 'Bearer', expires_in: 3599, access_token: TOKEN }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    takeCount() {
      const taken = requests;
      requests = 0;
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
