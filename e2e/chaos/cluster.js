// The cluster of a chaos run, and its faults: nodes are killed and frozen, and Redis and PostgreSQL are restarted.

import { startCluster } from "../support/cluster.js";

// Longer than the lease of a node.
const FROZEN_SECONDS = 8;

export class ChaosCluster {
  #ends = [];

  static async start(nodes) {
    const chaos = new ChaosCluster();
    const owner = { after: (end) => chaos.#ends.push(end) };
    try {
      chaos.cluster = await startCluster(owner, { nodes });
    } catch (error) {
      await chaos.stop();
      throw error;
    }
    for (const name of ["port", "url"]) chaos[name] = chaos.cluster[name];
    chaos.token = (claims) => chaos.cluster.token(claims);
    return chaos;
  }

  faults({ kills, freezes, redisRestarts, postgresRestarts }) {
    const { nodes, redis, postgres } = this.cluster;
    // The next fault happens when the node is ready: a node that cannot reach Redis or PostgreSQL at its start exits.
    const restart = (node) => node.killAndRestart().then(() => node.ready());
    const restartRedis = () => redis.kill().then(() => redis.start());
    // By turns a crash and an orderly end.
    const restartPostgres = (number) => postgres.stop(number % 2 === 0 ? "SIGQUIT" : "SIGINT").then(() => postgres.start());
    return {
      kills: { count: kills, run: (number) => restart(nodes[number % nodes.length]) },
      freezes: { count: freezes, run: (number) => nodes[(number + 1) % nodes.length].freezeFor(FROZEN_SECONDS) },
      redisRestarts: { count: redisRestarts, run: restartRedis },
      postgresRestarts: { count: postgresRestarts, run: restartPostgres },
    };
  }

  errors() {
    return this.cluster.exits.map(({ node, code, signal, output }) => `${node} has ended with ${code ?? signal}: ${output}`);
  }

  ready() {
    return this.cluster.ready();
  }

  async stop() {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}
