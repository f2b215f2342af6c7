// Signs JSON Web Tokens without a library, so that a test can make invalid ones.

import { createHmac } from "node:crypto";

export const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

export const seconds = (offset = 0) => Math.floor(Date.now() / 1000) + offset;

// A token signed with HS256, or with the algorithm of `header`.
export function sign(claims, secret, header = { alg: "HS256", typ: "JWT" }) {
  const signed = `${encode(header)}.${encode(claims)}`;
  const hash = { HS256: "sha256", HS384: "sha384", HS512: "sha512" }[header.alg] ?? "sha256";
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}
