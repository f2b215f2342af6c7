// Invalid tokens, each with one fault, over REST, over Socket.IO in two namespaces, and over the raw WebSocket.

import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { SECRET, sharedServer } from "../support/server.js";
import { client, connected } from "../support/socketio-clients.js";
import { encode, seconds, sign } from "../support/tokens.js";
import { connectionOutcome } from "../support/ws-queue.js";

const server = sharedServer({ JWT_ISSUER: "https://issuer.example", JWT_AUDIENCE: "app" });

const validClaims = { sub: "anna", iss: "https://issuer.example", aud: "app", exp: seconds(600) };
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const unsigned = (alg) => `${encode({ alg, typ: "JWT" })}.${encode(validClaims)}.`;

function signedByRsa(header) {
  const signed = `${encode(header)}.${encode(validClaims)}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
}

const [head, body, signature] = sign(validClaims, SECRET).split(".");

const INVALID = {
  "with alg none": [unsigned("none"), "token_invalid"],
  "with alg None": [unsigned("None"), "token_invalid"],
  "with alg none and the signature of another token": [`${unsigned("none")}${signature}`, "token_invalid"],
  "without a signature": [`${head}.${body}.`, "token_invalid"],
  "of two parts": [`${head}.${body}`, "token_invalid"],
  "of four parts": [`${head}.${body}.${signature}.${signature}`, "token_invalid"],
  "with the signature of other claims": [`${head}.${encode({ ...validClaims, sub: "eve" })}.${signature}`, "token_invalid"],
  "with a truncated signature": [`${head}.${body}.${signature.slice(0, -2)}`, "token_invalid"],
  "signed with another secret": [sign(validClaims, "another secret that the server does not have"), "token_invalid"],
  "of another algorithm of the same family": [sign(validClaims, SECRET, { alg: "HS512", typ: "JWT" }), "token_invalid"],
  "signed with an unknown RSA key": [signedByRsa({ alg: "RS256", typ: "JWT" }), "token_invalid"],
  "with its own public key in the header": [signedByRsa({ alg: "RS256", jwk: publicKey.export({ format: "jwk" }) }), "token_invalid"],
  "signed with a public key as a secret": [sign(validClaims, publicKey.export({ type: "spki", format: "pem" })), "token_invalid"],
  "that has expired": [sign({ ...validClaims, exp: seconds(-5) }, SECRET), "token_expired"],
  "that is not yet valid": [sign({ ...validClaims, nbf: seconds(600) }, SECRET), "token_invalid"],
  "of another issuer": [sign({ ...validClaims, iss: "https://other.example" }, SECRET), "token_invalid"],
  "without an issuer": [sign({ ...validClaims, iss: undefined }, SECRET), "token_invalid"],
  "for another audience": [sign({ ...validClaims, aud: "another" }, SECRET), "token_invalid"],
  "without a subject": [sign({ ...validClaims, sub: undefined }, SECRET), "token_invalid"],
  "with an empty subject": [sign({ ...validClaims, sub: "" }, SECRET), "token_invalid"],
  "whose subject is blank": [sign({ ...validClaims, sub: " \u00a0 " }, SECRET), "token_invalid"],
  "whose subject has a control character": [sign({ ...validClaims, sub: "anna\u0000" }, SECRET), "token_invalid"],
  "whose subject is too long": [sign({ ...validClaims, sub: "a".repeat(201) }, SECRET), "token_invalid"],
  "whose subject is a list": [sign({ ...validClaims, sub: ["anna"] }, SECRET), "token_invalid"],
  "whose subject is an object": [sign({ ...validClaims, sub: { id: "anna" } }, SECRET), "token_invalid"],
  "whose expiry is a text": [sign({ ...validClaims, exp: "tomorrow" }, SECRET), "token_invalid"],
  "whose claims are not an object": [sign("[1,2]", SECRET), "token_invalid"],
  "whose claims are not JSON": [sign("{", SECRET), "token_invalid"],
  "of 3,000 arbitrary characters": ["x".repeat(3000), "token_invalid"],
  "that is empty": ["", "token_missing"],
};

async function requestHouseholds(token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${server.url}/households`, { headers });
  return { status: response.status, body: await response.json() };
}

async function rejectionOf(t, namespace, options) {
  const error = await connected(client(t, server.url + namespace, { transports: ["websocket"], ...options })).then(
    () => assert.fail("the server has accepted the token"),
    (error) => error,
  );
  return [error.message, error.data?.code];
}

test("a valid token is accepted over REST and over Socket.IO", async (t) => {
  const token = sign(validClaims, SECRET);
  assert.equal((await requestHouseholds(token)).status, 200);
  for (const namespace of ["/", "/household"]) await connected(client(t, server.url + namespace, { auth: { token } }));
});

for (const [fault, [token, code]] of Object.entries(INVALID)) {
  describe(`a token ${fault}`, () => {
    test("is rejected with 401 over REST", async () => {
      const { status, body } = await requestHouseholds(token);
      assert.deepEqual([status, body.code], [401, code]);
    });

    for (const namespace of ["/", "/household"]) {
      test(`is rejected in ${namespace}, in the auth payload, the query, and the header`, async (t) => {
        const expected = ["Authentication error", code];
        assert.deepEqual(await rejectionOf(t, namespace, { auth: { token } }), expected);
        assert.deepEqual(await rejectionOf(t, namespace, { query: { token } }), expected);
        assert.deepEqual(await rejectionOf(t, namespace, { transports: ["polling"], extraHeaders: { authorization: `Bearer ${token}` } }), expected);
      });
    }

    test("closes the raw WebSocket with 4401", async () => {
      const { code, reason } = await connectionOutcome(`${server.ws}/api/v1/ws/connect?token=${encodeURIComponent(token)}`);
      assert.deepEqual([code, reason !== ""], [4401, true]);
    });
  });
}

test("the log contains no token and no secret", () => {
  for (const [token] of Object.values(INVALID)) {
    if (token) assert.ok(!server.running.output.includes(token.split(".").at(-1) || token));
  }
  assert.ok(!server.running.output.includes(SECRET));
});
