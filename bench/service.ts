/**
 * `npm run bench -- service`: the service next to nodemailer's pool, Postfix and Haraka, all to the same sink.
 *
 * Rounds take turns and medians count; each relay is started anew for each round. `--quick` makes short rounds to see that
 * everything works; its figures mean little and are not kept.
 */
import { machineName, openGround, type Ground } from './service/ground.ts';
import { measureLimits } from './service/limits.ts';
import { writeReport, type Plan, type Series } from './service/report.ts';
import {
  databases,
  deepQueue,
  directRound,
  fairness,
  relayRound,
  relaysOf,
  type RelayName,
  type Round,
} from './service/scenarios.ts';
import type { LoadPlan } from './service/load.ts';
import type { Measurement } from './clients/measure.ts';

const isQuick = process.argv.includes('--quick');
const plan: Plan = isQuick
  ? {
      rounds: 1,
      burst: 1000,
      peerBurst: 500,
      onePerConnection: 200,
      steady: 150,
      deep: 5000,
      mailboxes: 800,
      fairQueued: 1000,
      fair: 60,
    }
  : {
      rounds: 3,
      burst: 20_000,
      peerBurst: 5000,
      onePerConnection: 2000,
      steady: 1500,
      deep: 100_000,
      mailboxes: 16_000,
      fairQueued: 50_000,
      fair: 600,
    };

function tell(what: string, round: Round): void {
  console.log(
    `${what}: accepted ${Math.round(round.acceptedPerSecond)}/s, delivered ${Math.round(round.deliveredPerSecond)}/s, CPU ${round.cpuPer1000.toFixed(3)} s per 1,000, ${Math.round(round.peakRssMb)} MB; others took ${Math.round(round.foreignShare * 100)} % of the machine`,
  );
}

interface SeriesPlan {
  readonly title: string;
  readonly connections: number;
  readonly rounds: number;
  readonly load: (name: RelayName) => Omit<LoadPlan, 'port' | 'sizeBytes'>;
  readonly directMessages?: number;
}

/** All who can be measured, in turn; those that are beside the point of a comparison once. */
async function series(
  ground: Ground,
  { title, connections, rounds, load, directMessages }: SeriesPlan,
): Promise<Series> {
  const direct: Measurement[] = [];
  const relays: Partial<Record<RelayName, Round[]>> = {};
  for (let index = 0; index < rounds; index += 1) {
    if (directMessages !== undefined) direct.push(await directRound(ground, connections, directMessages));
    for (const name of relaysOf(ground)) {
      if (index > 0 && (name === 'haraka' || name === 'postfix default')) continue;
      const round = await relayRound(ground, name, connections, load(name));
      (relays[name] ??= []).push(round);
      tell(`${title}, round ${index + 1}, ${name}`, round);
    }
  }
  return { connections, direct, relays };
}

function burst(ground: Ground, connections: number): Promise<Series> {
  return series(ground, {
    title: `burst, ${connections} connections`,
    connections,
    rounds: plan.rounds,
    directMessages: plan.burst,
    load: (name) => ({ messages: name === 'postbearer' ? plan.burst : plan.peerBurst, clients: 20 }),
  });
}

await using ground = await openGround();
const limits = await measureLimits(ground, plan.burst);
const bursts = [await burst(ground, 3), await burst(ground, 20)];
const onePerConnection = await series(ground, {
  title: 'a connection for each message',
  connections: 3,
  rounds: plan.rounds,
  load: () => ({ messages: plan.onePerConnection, clients: 20, isOnePerConnection: true }),
});
const steady = await series(ground, {
  title: '50 a second',
  connections: 3,
  rounds: 1,
  load: () => ({ messages: plan.steady, clients: 20, ratePerSecond: 50 }),
});
const deep = await deepQueue(ground, plan.deep);
console.log(deep);
const eight = await databases(ground, plan.mailboxes);
console.log(eight);
const fair = [
  await fairness(ground, plan.fairQueued, plan.fair, 30),
  await fairness(ground, plan.fairQueued, plan.fair, 1_000_000),
];
console.log(fair);
const results = {
  plan,
  machine: machineName(),
  tools: ground.workshop.kind,
  limits,
  burst: bursts,
  onePerConnection,
  steady,
  deep,
  databases: eight,
  fairness: fair,
};
console.log(`\n${writeReport(results, !isQuick)}`);
