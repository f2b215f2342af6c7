// `cargo xtask chaos`: a run of any size, and its figures as a table. CHAOS_SEED, CHAOS_MESSAGES, CHAOS_KILLS and CHAOS_CUTS say which.

import { run } from "./run.js";

const wish = (name) => Number(process.env[`CHAOS_${name}`]);

const size = { seed: wish("SEED"), messages: wish("MESSAGES"), kills: wish("KILLS"), cuts: wish("CUTS") };
const step = Math.max(1, Math.floor(size.messages / 20));
const told = (acked, doing) => acked % step === 0 && console.error(`${acked} confirmed, ${doing()}`);

const { wrong, figures, ...rest } = await run({ ...size, told });
console.table({ ...rest, ...figures });
for (const what of wrong) console.error(what);
if (rest.acked < size.messages || rest.kills < size.kills || rest.cuts < size.cuts) wrong.push("it was less than was asked for");
process.exit(wrong.length === 0 ? 0 : 1);
