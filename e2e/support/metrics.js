// What the server counts, as it says itself; it must have been started with METRICS=open, or with the tests' own key.

import { get } from "./http.js";
import { API_KEY } from "./users.js";

// A page of it, as two functions of a family's name: what its lines add up to, or those of them with a label such as `event="message_sent"`. A gauge always
// stands there; a counter may have counted nothing yet.
export async function metrics(server) {
  const { text } = await get(`${server.url}/metrics`, { headers: { authorization: `Bearer ${API_KEY}` } });
  const lines = [...text.matchAll(/^roomcast_(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, family, labels = "", value]) => ({ family, labels, value: Number(value) }));
  const of = (family, label) => lines.filter((line) => line.family === family && line.labels.includes(label));
  const sum = (found) => found.reduce((all, { value }) => all + value, 0);
  const gauge = (family, label = "") => {
    const found = of(family, label);
    if (found.length === 0) throw new Error(`there is no ${family} in ${text}`);
    return sum(found);
  };
  return { gauge, counter: (family, label = "") => sum(of(`${family}_total`, label)) };
}
