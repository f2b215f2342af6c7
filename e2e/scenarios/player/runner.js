// Plays a transcript against a running server with the stock clients. What the steps mean is written in ../README.md.

import { rest } from "../../support/http.js";
import { seconds } from "../../support/tokens.js";
import { everythingHeard } from "./barrier.js";
import { canExpress } from "./client-matrix.js";
import { difference, Names } from "./matchers.js";
import { RawDevice } from "./raw-client.js";

// `way` says who the Socket.IO clients are and how they transport: {client, transport, namespace}, and in which other namespace they may be, too.
export async function play(transcript, server, way) {
  const player = new Player(transcript, server, way);
  try {
    await player.steps(transcript.steps, "step");
    await player.end();
  } finally {
    await player.leave();
  }
}

class Player {
  constructor(transcript, server, way) {
    this.server = server;
    this.way = way;
    this.names = new Names(transcript.shapes, (person) => this.token(person));
    this.people = new Map(Object.entries(transcript.people).map(([person, claims]) => [person, { claims }]));
    this.devices = new Map();
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
    if (step.in && step.in !== this.way.namespace) return;
    if (this.way.client && !canExpress(this.way.client, step)) return;
    if (step.hears) return this.hears(step);
    if (step.hears_nothing) return this.hearsNothing(step);
    if (step.closed) return this.isClosed(step);
    if (step.token) return void this.people.set(this.person(step.as), { claims: step.token, issued: step.issued });
    if (step.rest) return this.rest(step);
    if (step.connect) return this.connect(step);
    if (step.emit) return this.emit(step);
    if ("send" in step) return this.device(step.as).send(this.names.fill(step.send));
    if (step.leaves) return this.device(step.as).leave();
    throw new Error("a step of an unknown kind");
  }

  async repeat({ repeat, steps }, where) {
    for (let n = 1; n <= repeat; n++) {
      this.names.saved.n = n;
      await this.steps(steps, `${where}, round ${n}, step`);
    }
  }

  async rest(step) {
    const [method, path] = this.names.fill(step.rest).split(" ");
    const headers = this.names.fill(step.headers ?? {});
    const body = step.body === undefined ? undefined : this.names.fill(step.body);
    const response = await rest(method, `${this.server.url}${path}`, { token: this.token(step.as), headers, body });
    this.check({ status: step.status, response: step.answer }, { status: response.status, response: response.json }, "the response");
    this.check(step.replayed ?? false, response.headers["idempotency-replayed"] === "true", "whether it was replayed");
    this.names.save(step.save, response.json);
  }

  async connect(step) {
    const token = this.token(step.as);
    const raw = step.connect === "raw";
    const device = raw ? new RawDevice() : new this.way.client.device();
    const auth = step.auth === undefined ? { token } : this.names.fill(step.auth);
    const over = step.over === undefined ? undefined : this.device(step.over);
    const refusal = await device.connect({ ...this.way, url: this.server.url, ws: this.server.ws, token, auth, over });
    if (refusal) device.left = true;
    else this.devices.set(step.as, device);
    this.check(step.refused ? this.told(step.refused) : null, refusal, "the refusal");
  }

  // What the client is told of a refusal.
  told(refusal) {
    const whole = this.names.fill(refusal);
    return Object.fromEntries(this.way.client.told.filter((part) => part in whole).map((part) => [part, whole[part]]));
  }

  async emit(step) {
    const device = this.device(step.as);
    const args = this.names.fill(step.args ?? []);
    if (!("ack" in step)) return device.emit(step.emit, args);
    const ack = await device.request(step.emit, args);
    this.check(step.ack, ack, "the ack");
    this.names.save(step.save, ack);
  }

  async hears(step) {
    for (const name of [step.hears].flat()) {
      const what = await this.device(name).next();
      const expected = "envelope" in step ? { envelope: step.envelope } : { event: step.event, args: step.args };
      this.check(expected, what, name);
      this.names.save(step.save, what.args ?? what.envelope);
    }
  }

  async hearsNothing(step) {
    for (const name of [step.hears_nothing].flat()) {
      const received = await everythingHeard(this.device(name), this.server, this.subject(name));
      if (received.length > 0) throw new Error(`${name} has heard ${JSON.stringify(received)}`);
    }
  }

  async isClosed(step) {
    const what = await this.device(step.closed).next();
    const expected = { ...("code" in step && { code: step.code }), ...("reason" in step && { reason: step.reason }) };
    const closed = Object.fromEntries(Object.entries(what.closed ?? {}).filter(([key]) => key in expected));
    if (!what.closed) throw new Error(`${step.closed} has heard ${JSON.stringify(what)} instead`);
    this.check(expected, closed, "the close");
    this.device(step.closed).left = true;
  }

  // Whatever was heard is a step: nobody may have heard more.
  async end() {
    for (const [name, device] of this.devices) {
      if (!device.left) await device.arrived();
      if (!device.left) await everythingHeard(device, this.server, this.subject(name));
      if (device.received.length > 0) throw new Error(`at the end ${name} has heard ${JSON.stringify(device.received)}`);
    }
  }

  leave() {
    return Promise.all([...this.devices.values()].filter((device) => !device.left).map((device) => device.leave()));
  }

  check(expected, actual, what) {
    const found = difference(this.names.fill(expected), actual, what);
    if (found) throw new Error(found);
  }

  person(name) {
    return name.split("/")[0];
  }

  device(name) {
    const device = this.devices.get(name);
    if (!device) throw new Error(`${name} is not connected`);
    return device;
  }

  // The id under which the server knows a device's person.
  subject(name) {
    const { sub, user_id: id } = this.people.get(this.person(name)).claims;
    return this.names.fill(sub ?? id);
  }

  token(name) {
    const person = this.people.get(this.person(name));
    if (!person) throw new Error(`nobody is called ${name}`);
    if (person.claims === null) return null;
    const issued = person.issued === undefined ? {} : { iat: seconds(person.issued) };
    return this.server.token({ ...this.names.fill(person.claims), ...issued });
  }
}
