/**
 * How the service is, for load balancers and for those who measure.
 *
 * The rules of this file:
 * - whether it is well may be asked by anybody; why it is not concerns those with a key, and programs on this machine;
 * - what a proxy on this machine passes on does not come from this machine, and neither does what a browser asks here for a page
 *   whose name leads to this machine.
 */
import { z } from 'zod';
import { mayDo } from '../../access/key.ts';
import { httpFaults } from '../faults.ts';
import { timeOf, timeSchema } from './message-output.ts';
import type { ApiParts, HealthReport } from './parts.ts';
import { problemResponse } from './problem.ts';
import { json, route, type Call, type Route } from './route.ts';

const GROUP = 'Monitoring';
const NOTHING = z.strictObject({});
const OWN_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;
const PASSED_ON = ['forwarded', 'x-forwarded-for', 'via', 'x-real-ip'] as const;

function isOfThisMachine({ address, incoming }: Call<unknown>): boolean {
  const isLoopback = address === '::1' || address.startsWith('127.');
  return (
    isLoopback &&
    OWN_NAME.test(incoming.headers.host ?? '') &&
    PASSED_ON.every((name) => incoming.headers[name] === undefined)
  );
}

function maySeeInside(call: Call<unknown>): boolean {
  return isOfThisMachine(call) || mayDo(call.key, 'read');
}

const healthSchema = z
  .strictObject({
    isHealthy: z.boolean(),
    state: z.string().meta({ description: '`ok`, `warning`, `failed` or `unknown`.' }),
    at: timeSchema,
    parts: z
      .array(
        z.strictObject({
          name: z.string(),
          state: z.string(),
          message: z.string(),
          basis: z.string().meta({ description: 'What that rests on.' }),
          since: timeSchema,
        }),
      )
      .exactOptional()
      .meta({ description: 'How each part is; for those with a key, and for programs on the same machine.' }),
  })
  .meta({ id: 'Health', description: 'How the service is.' });

function healthResponse(report: HealthReport, isInside: boolean): Response {
  const { isHealthy, state, at, parts } = report;
  const inside = isInside ? { parts: parts.map(({ since, ...part }) => ({ ...part, since: timeOf(since) })) } : {};
  return json({ isHealthy, state, at: timeOf(at), ...inside }, isHealthy ? 200 : 503, { 'cache-control': 'no-store' });
}

/** The routes about how the service is. */
export function monitoringRoutes({ monitoring }: ApiParts): readonly Route[] {
  const same = { method: 'get', group: GROUP, access: 'anybody', query: NOTHING } as const;
  const answers = {
    200: { description: 'It is well.', schema: healthSchema },
    503: { description: 'It is not.', schema: healthSchema },
  };
  return [
    route(
      {
        ...same,
        path: '/health/ping',
        name: 'ping',
        summary: 'Ask whether the process answers',
        description: 'Looks at nothing else.',
        answers,
      },
      (call) => healthResponse(monitoring.live(), maySeeInside(call)),
    ),
    route({ ...same, path: '/health', name: 'getHealth', summary: 'Ask how each part is', answers }, async (call) =>
      healthResponse(await monitoring.health(), maySeeInside(call)),
    ),
    route(
      {
        ...same,
        path: '/ready',
        name: 'getReady',
        summary: 'Ask whether mail may be handed in',
        description: 'For load balancers: what is not ready takes no message.',
        answers,
      },
      async (call) => healthResponse(await monitoring.ready(), maySeeInside(call)),
    ),
    route(
      {
        ...same,
        path: '/metrics',
        name: 'getMetrics',
        summary: 'Get what is measured',
        description: 'For Prometheus. Programs on the same machine need no key; others need one of the scope read.',
        answers: { 200: { description: 'Metrics.', type: 'text/plain' } },
        problems: [401],
      },
      async (call) => {
        if (!maySeeInside(call)) return problemResponse(httpFaults.make('SERVICE_LOCAL_ONLY'));
        const { contentType, text } = await monitoring.metrics();
        return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } });
      },
    ),
  ];
}
