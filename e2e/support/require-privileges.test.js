// A test that cannot be run is left out on somebody's own machine, and fails where nobody would look.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutRights } from "./require-privileges.js";

test("for want of rights a test is skipped, and fails where CI is set", (t) => {
  const { CI } = process.env;
  t.after(() => (CI === undefined ? delete process.env.CI : (process.env.CI = CI)));
  const skipped = [];
  delete process.env.CI;
  withoutRights({ skip: (why) => skipped.push(why) }, "no mount");
  assert.deepEqual(skipped, ["no mount"]);
  process.env.CI = "true";
  assert.throws(() => withoutRights(t, "no mount"), /no mount; unset CI/);
});
