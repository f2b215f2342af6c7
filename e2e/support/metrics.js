// What the server counts, as it says itself; it must have been started with METRICS=open.

import { get } from "./http.js";

// A page of it, as two functions of a family's name: what its lines add up to. A gauge always stands there; a counter may have counted nothing yet.
export async function metrics(server) {
  const { text } = await get(`${server.url}/metrics`);
  const values = new Map();
  for (const [, family, value] of text.matchAll(/^roomcast_(\w+)(?:\{.*\})? (\S+)$/gm)) values.set(family, (values.get(family) ?? 0) + Number(value));
  const gauge = (family) => {
    if (!values.has(family)) throw new Error(`there is no ${family} in ${text}`);
    return values.get(family);
  };
  return { gauge, counter: (family) => values.get(`${family}_total`) ?? 0 };
}
