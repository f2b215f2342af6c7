// Reads the server's metrics. The server must run with METRICS=open, or with the tests' API key.

import { get } from "./http.js";
import { API_KEY } from "./users.js";

// Reads all metrics once. Resolves with two functions of a metric's name: each returns the sum of its samples, or of the samples with a label such as
// `event="message_sent"`. A gauge must have a sample; a counter without one is 0.
export async function metrics(server) {
  const { text } = await get(`${server.url}/metrics`, { headers: { authorization: `Bearer ${API_KEY}` } });
  const samples = [...text.matchAll(/^roomcast_(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, family, labels = "", value]) => ({ family, labels, value: Number(value) }));
  const find = (family, label) => samples.filter((sample) => sample.family === family && sample.labels.includes(label));
  const sum = (found) => found.reduce((total, { value }) => total + value, 0);
  const gauge = (family, label = "") => {
    const found = find(family, label);
    if (found.length === 0) throw new Error(`the metric ${family} is missing in ${text}`);
    return sum(found);
  };
  return { gauge, counter: (family, label = "") => sum(find(`${family}_total`, label)) };
}
