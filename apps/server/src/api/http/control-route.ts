/**
 * The operations of the command line from afar: the same as over the control socket, for keys of the scope `admin`.
 *
 * It is the private protocol of the command of the same version, so it stands in no reference. Who does it is said by the
 * key, never by the request.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { z } from 'zod';
import { answerOperation } from '../control-wire.ts';
import type { ApiParts } from './parts.ts';
import { actorOf, route, type Route } from './route.ts';

/** The route of all operations. */
export function controlRoute({ control, keys }: ApiParts): Route {
  return route(
    {
      method: 'post',
      path: '/control/{operation}',
      name: 'control',
      group: 'Control',
      summary: 'Ask for an operation of the command line',
      access: ['admin'],
      query: z.strictObject({}),
      answers: { 200: { description: 'The result.' } },
    },
    async (call) => {
      call.endless();
      await answerOperation(control, call.incoming, call.outgoing, {
        actor: actorOf(call),
        isStillAllowed: () => keys.isValid(call.key),
      });
      return RESPONSE_ALREADY_SENT;
    },
  );
}
