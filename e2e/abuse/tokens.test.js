// Tokens that are wrong, one way at a time, at every door: REST, Socket.IO in every namespace, and the raw WebSocket.

import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { SECRET, sharedServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { encode, seconds, sign } from "../support/tokens.js";
import { connectionOutcome } from "../support/ws-queue.js";

const server = sharedServer({ JWT_ISSUER: "https://issuer.example", JWT_AUDIENCE: "app" });

const good = { sub: "anna", iss: "https://issuer.example", aud: "app", exp: seconds(600) };
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const unsigned = (alg) => `${encode({ alg, typ: "JWT" })}.${encode(good)}.`;

function signedByRsa(header) {
  const signed = `${encode(header)}.${encode(good)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
}

const [head, body, signature] = sign(good, SECRET).split(".");

const WRONG = {
  "with alg none": [unsigned("none"), "token_invalid"],
  "with alg None": [unsigned("None"), "token_invalid"],
  "with alg none and somebody's signature": [`${unsigned("none")}${signature}`, "token_invalid"],
  "without a signature": [`${head}.${body}.`, "token_invalid"],
  "of two parts": [`${head}.${body}`, "token_invalid"],
  "of four parts": [`${head}.${body}.${signature}.${signature}`, "token_invalid"],
  "whose signature is another's": [`${head}.${encode({ ...good, sub: "eve" })}.${signature}`, "token_invalid"],
  "whose signature ends a bit earlier": [`${head}.${body}.${signature.slice(0, -2)}`, "token_invalid"],
  "signed with another secret": [sign(good, "another secret that nobody gave to the server"), "token_invalid"],
  "of another algorithm of the same family": [sign(good, SECRET, { alg: "HS512", typ: "JWT" }), "token_invalid"],
  "signed by a key of its own": [signedByRsa({ alg: "RS256", typ: "JWT" }), "token_invalid"],
  "that brings the key to trust": [signedByRsa({ alg: "RS256", jwk: publicKey.export({ format: "jwk" }) }), "token_invalid"],
  "signed with a public key as a secret": [sign(good, publicKey.export({ type: "spki", format: "pem" })), "token_invalid"],
  "that has expired": [sign({ ...good, exp: seconds(-5) }, SECRET), "token_expired"],
  "that is not yet valid": [sign({ ...good, nbf: seconds(600) }, SECRET), "token_invalid"],
  "of another issuer": [sign({ ...good, iss: "https://other.example" }, SECRET), "token_invalid"],
  "of no issuer": [sign({ ...good, iss: undefined }, SECRET), "token_invalid"],
  "for another audience": [sign({ ...good, aud: "another" }, SECRET), "token_invalid"],
  "without a subject": [sign({ ...good, sub: undefined }, SECRET), "token_invalid"],
  "with an empty subject": [sign({ ...good, sub: "" }, SECRET), "token_invalid"],
  "whose subject is blank": [sign({ ...good, sub: " \u00a0 " }, SECRET), "token_invalid"],
  "whose subject has a control character": [sign({ ...good, sub: "anna\u0000" }, SECRET), "token_invalid"],
  "whose subject is too long": [sign({ ...good, sub: "a".repeat(201) }, SECRET), "token_invalid"],
  "whose subject is a list": [sign({ ...good, sub: ["anna"] }, SECRET), "token_invalid"],
  "whose subject is an object": [sign({ ...good, sub: { id: "anna" } }, SECRET), "token_invalid"],
  "whose expiry is a text": [sign({ ...good, exp: "tomorrow" }, SECRET), "token_invalid"],
  "whose claims are no object": [sign("[1,2]", SECRET), "token_invalid"],
  "whose claims are no JSON": [sign("{", SECRET), "token_invalid"],
  "of garbage": ["x".repeat(3000), "token_invalid"],
  "that is empty": ["", "token_missing"],
};

async function asked(token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}/households`, { headers });
  return { status: response.status, body: await response.json() };
}

async function refusal(t, namespace, options) {
  const error = await connected(client(t, server.url + namespace, { transports: ["websocket"], ...options })).then(
    () => assert.fail("let in"),
    (error) => error,
  );
  return [error.message, error.data?.code];
}

test("the right token opens every door", async (t) => {
  const token = sign(good, SECRET);
  assert.equal((await asked(token)).status, 200);
  for (const namespace of ["/", "/household"]) await connected(client(t, server.url + namespace, { auth: { token } }));
});

for (const [what, [token, code]] of Object.entries(WRONG)) {
  describe(`a token ${what}`, () => {
    test("is answered 401 by REST", async () => {
      const { status, body } = await asked(token);
      assert.deepEqual([status, body.code], [401, code]);
    });

    for (const namespace of ["/", "/household"]) {
      test(`is refused in ${namespace}, wherever it stands`, async (t) => {
        const expected = ["Authentication error", code];
        assert.deepEqual(await refusal(t, namespace, { auth: { token } }), expected);
        assert.deepEqual(await refusal(t, namespace, { query: { token } }), expected);
        assert.deepEqual(await refusal(t, namespace, { transports: ["polling"], extraHeaders: { authorization: `Bearer ${token}` } }), expected);
      });
    }

    test("closes the raw WebSocket with 4401", async () => {
      const { code, reason } = await connectionOutcome(`${server.ws}/api/v1/ws/connect?token=${encodeURIComponent(token)}`);
      assert.deepEqual([code, reason !== ""], [4401, true]);
    });
  });
}

test("no token and no secret has reached the log", () => {
  for (const [token] of Object.values(WRONG)) {
    if (token) assert.ok(!server.running.output.includes(token.split(".").at(-1) || token));
  }
  assert.ok(!server.running.output.includes(SECRET));
});
