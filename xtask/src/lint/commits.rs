//! The subject lines of commits.

use std::path::Path;
use std::process::Command;

/// The last commit before this check. The history up to it is not checked.
const BASE: &str = "2b0f1e691c2187709adb97d9c790512efc5be223";

/// The most characters that a subject line may have.
pub const LONGEST: usize = 72;

/// The commits since the base whose subject is too long, as `hash subject`. `None` if the history is not there: outside a Git repository, and in a
/// clone that does not reach back to the base.
pub fn with_long_subject(root: &Path) -> Option<Vec<String>> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    git(&["merge-base", "--is-ancestor", BASE, "HEAD"])?;
    let log = git(&["log", "--no-merges", "--format=%h %s", &format!("{BASE}..HEAD")])?;
    Some(too_long(&log))
}

fn too_long(log: &str) -> Vec<String> {
    let subjects = log.lines().filter(|line| line.split_once(' ').is_some_and(|(_, subject)| subject.chars().count() > LONGEST));
    subjects.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_measured_in_characters_without_the_hash() {
        let (longest, longer) = ("ä".repeat(72), "ä".repeat(73));
        assert_eq!(too_long(&format!("0123456 {longest}\n89abcde {longer}\n0123456 \n")), [format!("89abcde {longer}")]);
    }
}
