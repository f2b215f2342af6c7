// `cargo xtask chaos`: a chaos run of any size, with its statistics as a table. The environment variables that begin with CHAOS_ set the size.

import { run } from "./run.js";

const setting = (name) => Number(process.env[`CHAOS_${name}`]);

const nodes = setting("NODES");
const faults = { kills: setting("KILLS") };
if (nodes > 1) Object.assign(faults, { freezes: setting("FREEZES"), redisRestarts: setting("REDIS_RESTARTS"), postgresRestarts: setting("POSTGRES_RESTARTS") });
const size = { seed: setting("SEED"), nodes, messages: setting("MESSAGES"), cuts: setting("CUTS"), ...faults };
const step = Math.max(1, Math.floor(size.messages / 20));
const onProgress = (acked, describe) => acked % step === 0 && console.error(`${acked} messages acknowledged, ${describe()}`);

const { errors, statistics, ...totals } = await run({ ...size, onProgress });
console.table({ ...totals, ...statistics });
const isSmaller = ["cuts", ...Object.keys(faults)].some((kind) => totals[kind] < size[kind]) || totals.acked < size.messages;
if (isSmaller) errors.push("the run was smaller than requested");
for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
