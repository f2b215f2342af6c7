// A chaos run: stock clients send messages to each other over a faulty network, and servers are killed, frozen, and restarted. An audit follows.
//
// Inputs: {seed, messages, cuts, kills}, and for a cluster of more than one node {nodes, freezes, redisRestarts, postgresRestarts}. Resolves with statistics,
// and with a list of errors as sentences.

import { addAck, audit } from "./audit.js";
import { ChaosCluster } from "./cluster.js";
import { FaultSchedule } from "./fault-schedule.js";
import { FaultyProxy } from "./faulty-proxy.js";
import { closeAll, openParticipants, storedMessages } from "./participants.js";
import { Rng } from "./rng.js";
import { SingleServer } from "./server.js";

const MAX_FILLER_LENGTH = 300;

export async function run({ seed, nodes = 1, messages, cuts, onProgress = () => {}, ...faults }) {
  const rng = new Rng(seed);
  const server = await (nodes > 1 ? ChaosCluster.start(nodes) : SingleServer.start());
  const proxy = await new FaultyProxy(new Rng(seed + 1)).listen();
  proxy.forwardTo(server.port);
  const schedule = new FaultSchedule(messages, server.faults(faults));
  const clients = [];
  try {
    clients.push(...(await openParticipants(server, proxy.url)));
    const startedAt = performance.now();
    const acks = await sendMessages({ rng, proxy, schedule, clients, messages, cuts, onProgress });
    proxy.stopFaults();
    await schedule.ended();
    await server.ready();
    await Promise.all(clients.map((client) => client.receivedEverything()));
    const seconds = (performance.now() - startedAt) / 1000;
    const { statistics, errors } = audit(await storedMessages(proxy.url, clients), clients, acks);
    errors.push(...server.errors());
    return { statistics, errors, seed, acked: acks.size, ...schedule.happened, ...proxy.happened, cuts: proxy.cuts, seconds };
  } finally {
    closeAll(clients);
    await server.stop();
    proxy.close();
  }
}

// All clients send until there are enough messages. At even distances of acknowledged messages the servers fail and faults of the network are scheduled.
// Resolves with the acknowledgement of each message: its room, whether it was a duplicate, and how often it was acknowledged.
async function sendMessages({ rng, proxy, schedule, clients, messages, cuts, onProgress }) {
  const acks = new Map();
  let created = 0;
  const next = (sender) => {
    if (created === messages) return null;
    const clientId = `${sender.sub}-${++created}`;
    return { clientId, content: `${clientId} ${"x".repeat(rng.below(MAX_FILLER_LENGTH))}` };
  };
  // All cuts, and some more, are scheduled before 90 % of the messages are acknowledged, so that enough of them happen.
  const dueCuts = (acked) => Math.min(1, acked / (0.9 * messages)) * (cuts + 10);
  const onAck = async (sender, message, { duplicate }) => {
    addAck(acks, sender, message.clientId, duplicate);
    while (proxy.cuts + proxy.scheduledCuts < dueCuts(acks.size) && proxy.scheduleFault());
    const happened = Object.entries(schedule.happened).map(([kind, count]) => `${count} ${kind}`);
    onProgress(acks.size, () => [...happened, `${proxy.cuts} cuts`].join(", "));
    await schedule.acknowledged(acks.size);
  };
  await Promise.all(clients.map((sender) => sender.send(() => next(sender), (message, ack) => onAck(sender, message, ack))));
  return acks;
}
