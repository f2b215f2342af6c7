// A test that lacks a privilege is skipped on a developer's machine, and fails in CI.

import assert from "node:assert/strict";
import { test } from "node:test";
import { skipWithoutPrivileges } from "./require-privileges.js";

test("a test that lacks a privilege is skipped, and fails if CI is set", (t) => {
  const { CI } = process.env;
  t.after(() => (CI === undefined ? delete process.env.CI : (process.env.CI = CI)));
  const skipped = [];
  delete process.env.CI;
  skipWithoutPrivileges({ skip: (reason) => skipped.push(reason) }, "no mount");
  assert.deepEqual(skipped, ["no mount"]);
  process.env.CI = "true";
  assert.throws(() => skipWithoutPrivileges(t, "no mount"), /no mount; unset CI/);
});
