// `cargo xtask chaos`: a chaos run of any size, with its statistics as a table. CHAOS_SEED, CHAOS_MESSAGES, CHAOS_KILLS, and CHAOS_CUTS set the size.

import { run } from "./run.js";

const setting = (name) => Number(process.env[`CHAOS_${name}`]);

const size = { seed: setting("SEED"), messages: setting("MESSAGES"), kills: setting("KILLS"), cuts: setting("CUTS") };
const step = Math.max(1, Math.floor(size.messages / 20));
const onProgress = (acked, describe) => acked % step === 0 && console.error(`${acked} messages acknowledged, ${describe()}`);

const { errors, statistics, ...totals } = await run({ ...size, onProgress });
console.table({ ...totals, ...statistics });
if (totals.acked < size.messages || totals.kills < size.kills || totals.cuts < size.cuts) errors.push("the run was smaller than requested");
for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
