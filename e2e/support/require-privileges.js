// Tests that need rights which not everybody has.

// Skips a test for want of them; where CI is set, that is a failure: there nobody looks at what was left out.
export function withoutRights(t, why) {
  if (process.env.CI) throw new Error(`${why}; unset CI to leave this test out`);
  t.skip(why);
}
