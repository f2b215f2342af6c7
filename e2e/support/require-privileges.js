// Tests that need privileges, such as mounting a file system.

// Skips a test because a privilege is missing. If CI is set, this is a failure, because no one reads the list of skipped tests there.
export function skipWithoutPrivileges(t, reason) {
  if (process.env.CI) throw new Error(`${reason}; unset CI to skip this test`);
  t.skip(reason);
}
