// Plays a scenario against a running server with the stock clients. ../README.md describes the steps.

import { rest } from "../../support/http.js";
import { seconds } from "../../support/tokens.js";
import { receivedBeforeBarrier } from "./barrier.js";
import { supportsStep } from "./client-matrix.js";
import { difference, References } from "./matchers.js";
import { RawClient } from "./raw-client.js";

// `variant` determines the Socket.IO clients: {client, transport, namespace, other}. `other` is the second namespace that they may join.
export async function play(scenario, server, variant) {
  const runner = new Runner(scenario, server, variant);
  try {
    await runner.steps(scenario.steps, "step");
    await runner.assertNoUnreadEvents();
  } finally {
    await runner.disconnectAll();
  }
}

class Runner {
  constructor(scenario, server, variant) {
    this.server = server;
    this.variant = variant;
    this.references = new References(scenario.shapes, (user) => this.token(user));
    this.users = new Map(Object.entries(scenario.users).map(([user, claims]) => [user, { claims }]));
    this.clients = new Map();
  }

  async steps(steps, where) {
    for (const [i, step] of steps.entries()) {
      try {
        await this.step(step, `${where} ${i + 1}`);
      } catch (error) {
        if (error.step) throw error;
        throw Object.assign(new Error(`${where} ${i + 1}, ${JSON.stringify(step).slice(0, 300)}: ${error.message}`, { cause: error }), { step });
      }
    }
  }

  async step(step, where) {
    if (step.repeat) return this.repeat(step, where);
    if (step.in && step.in !== this.variant.namespace) return;
    if (this.variant.client && !supportsStep(this.variant.client, step)) return;
    if (step.receives) return this.receives(step);
    if (step.receives_nothing) return this.receivesNothing(step);
    if (step.closed) return this.isClosed(step);
    if (step.token) return void this.users.set(this.userOf(step.as), { claims: step.token, issued: step.issued });
    if (step.rest) return this.rest(step);
    if (step.connect) return this.connect(step);
    if (step.emit) return this.emit(step);
    if ("send" in step) return this.client(step.as).send(this.references.resolve(step.send));
    if (step.disconnects) return this.client(step.as).disconnect();
    throw new Error("the kind of the step is unknown");
  }

  async repeat({ repeat, steps }, where) {
    for (let n = 1; n <= repeat; n++) {
      this.references.saved.n = n;
      await this.steps(steps, `${where}, round ${n}, step`);
    }
  }

  async rest(step) {
    const [method, path] = this.references.resolve(step.rest).split(" ");
    const headers = this.references.resolve(step.headers ?? {});
    const body = step.body === undefined ? undefined : this.references.resolve(step.body);
    const response = await rest(method, `${this.server.url}${path}`, { token: this.token(step.as), headers, body });
    this.check({ status: step.status, response: step.response }, { status: response.status, response: response.json }, "the response");
    this.check(step.replayed ?? false, response.headers["idempotency-replayed"] === "true", "whether the response was replayed");
    this.references.save(step.save, response.json);
  }

  async connect(step) {
    const token = this.token(step.as);
    const client = step.connect === "raw" ? new RawClient() : new this.variant.client.type();
    const auth = step.auth === undefined ? { token } : this.references.resolve(step.auth);
    const over = step.over === undefined ? undefined : this.client(step.over);
    const rejection = await client.connect({ ...this.variant, url: this.server.url, ws: this.server.ws, token, auth, over });
    if (rejection) client.isClosed = true;
    else this.clients.set(step.as, client);
    this.check(step.error ? this.expectedRejection(step.error) : null, rejection, "the rejection");
  }

  // The parts of a rejection that the client receives.
  expectedRejection(rejection) {
    const resolved = this.references.resolve(rejection);
    return Object.fromEntries(this.variant.client.rejection.filter((part) => part in resolved).map((part) => [part, resolved[part]]));
  }

  async emit(step) {
    const client = this.client(step.as);
    const args = this.references.resolve(step.args ?? []);
    if (!("ack" in step)) return client.emit(step.emit, args);
    const ack = await client.request(step.emit, args);
    this.check(step.ack, ack, "the ack");
    this.references.save(step.save, ack);
  }

  async receives(step) {
    for (const name of [step.receives].flat()) {
      const item = await this.client(name).next();
      const expected = "envelope" in step ? { envelope: step.envelope } : { event: step.event, args: step.args };
      this.check(expected, item, name);
      this.references.save(step.save, item.args ?? item.envelope);
    }
  }

  async receivesNothing(step) {
    for (const name of [step.receives_nothing].flat()) {
      const received = await receivedBeforeBarrier(this.client(name), this.server, this.userId(name));
      if (received.length > 0) throw new Error(`${name} has received ${JSON.stringify(received)}`);
    }
  }

  async isClosed(step) {
    const item = await this.client(step.closed).next();
    const expected = { ...("code" in step && { code: step.code }), ...("reason" in step && { reason: step.reason }) };
    const closed = Object.fromEntries(Object.entries(item.closed ?? {}).filter(([key]) => key in expected));
    if (!item.closed) throw new Error(`${step.closed} has received ${JSON.stringify(item)} instead`);
    this.check(expected, closed, "the close");
    this.client(step.closed).isClosed = true;
  }

  // Every received event is a step. A client must not have received any other event.
  async assertNoUnreadEvents() {
    for (const [name, client] of this.clients) {
      if (!client.isClosed) await client.upgraded();
      if (!client.isClosed) await receivedBeforeBarrier(client, this.server, this.userId(name));
      if (client.received.length > 0) throw new Error(`at the end ${name} has received ${JSON.stringify(client.received)}`);
    }
  }

  disconnectAll() {
    return Promise.all([...this.clients.values()].filter((client) => !client.isClosed).map((client) => client.disconnect()));
  }

  check(expected, actual, name) {
    const found = difference(this.references.resolve(expected), actual, name);
    if (found) throw new Error(found);
  }

  // `anna/tablet` is a client of the user anna.
  userOf(client) {
    return client.split("/")[0];
  }

  client(name) {
    const client = this.clients.get(name);
    if (!client) throw new Error(`${name} is not connected`);
    return client;
  }

  // The id under which the server knows the user of a client.
  userId(name) {
    const { sub, user_id: id } = this.users.get(this.userOf(name)).claims;
    return this.references.resolve(sub ?? id);
  }

  token(name) {
    const user = this.users.get(this.userOf(name));
    if (!user) throw new Error(`the scenario has no user ${name}`);
    if (user.claims === null) return null;
    const issued = user.issued === undefined ? {} : { iat: seconds(user.issued) };
    return this.server.token({ ...this.references.resolve(user.claims), ...issued });
  }
}
