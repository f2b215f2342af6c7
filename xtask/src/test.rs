//! `cargo xtask test`: everything that must pass before a change goes in. What the tests need is installed first.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::install;

#[derive(clap::Args)]
pub struct TestOptions {
    /// Only one half of the tests
    #[arg(long)]
    only: Option<Half>,
    /// Only tests whose name contains this
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Half {
    /// The tests of the crates.
    Rust,
    /// Stock clients against the real server.
    E2e,
}

/// The time after which Node's runner ends a test file and counts it as failed. It is no test's time limit: tests give up by counting, and the longest
/// file takes less than five minutes on a busy machine. It only turns a hang into a failure.
const NO_FILE_TAKES: Duration = Duration::from_secs(15 * 60);

/// What the runners have counted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub fn run(options: &TestOptions) -> Result<()> {
    let root = root()?;
    let filter = options.filter.as_deref();
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    for (half, run) in [(Half::Rust, rust as fn(&Path, Option<&str>, &mut Tally) -> Result<()>), (Half::E2e, end_to_end)] {
        if options.only.is_none_or(|only| only == half)
            && let Err(error) = run(&root, filter, &mut tally)
        {
            eprintln!("{error:#}");
            broken.push(error);
        }
    }
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    ensure!(broken.is_empty() && tally.failed == 0, "there are failures above");
    ensure!(tally.passed > 0, "no test was run");
    Ok(())
}

/// The project's own folder.
pub fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    Ok(root.to_owned())
}

fn rust(root: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let mut tests = Command::new("cargo");
    tests.args(["test", "--workspace", "--no-fail-fast"]).args(filter).current_dir(root);
    counted(&mut tests, tally)
}

fn end_to_end(root: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let folder = root.join("e2e");
    install::from_npm(&folder)?;
    install::from_pypi(&folder.join("python"))?;
    install::for_examples(&root.join("examples"))?;
    install::browser()?;
    install::openssl()?;
    install::succeed(Command::new("cargo").args(["build", "--locked"]).env_remove("CARGO_TARGET_DIR").current_dir(folder.join("rust")))?;

    install::succeed(Command::new("cargo").args(["build", "--workspace", "--bins", "--examples"]).current_dir(root))?;
    let mut tests = Command::new("node");
    // One file at a time: two cores, and tests that look at a server's memory.
    tests.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    tests.arg(format!("--test-timeout={}", NO_FILE_TAKES.as_millis()));
    if let Some(filter) = filter {
        tests.args(["--test-name-pattern", filter]);
    }
    counted(tests.arg(".").current_dir(folder), tally)
}

/// Runs tests, shows what they say, and counts.
fn counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?} cannot be started"))?;
    let output = child.stdout.take().context("a child without an output")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.read(&line);
    }
    ensure!(child.wait()?.success(), "{command:?} failed");
    Ok(())
}

impl Tally {
    /// Adds what a closing line of cargo's runner or of Node's says.
    fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(counts) = line.strip_prefix("test result: ") {
            let number = |word: &str| {
                let before = counts.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
                before.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
            };
            self.passed += number("passed");
            self.failed += number("failed");
            self.skipped += number("ignored");
        } else if let Some(counts) = line.strip_prefix("ℹ ") {
            match counts.split_once(' ') {
                Some(("pass", count)) => self.passed += count.parse().unwrap_or(0),
                Some(("fail" | "cancelled", count)) => self.failed += count.parse().unwrap_or(0),
                Some(("skipped" | "todo", count)) => self.skipped += count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_closing_lines_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
            "ℹ tests 9",
            "ℹ pass 7",
            "ℹ fail 1",
            "ℹ cancelled 1",
            "ℹ skipped 3",
            "ℹ todo 2",
        ] {
            tally.read(line);
        }
        assert_eq!(tally, Tally { passed: 22, failed: 4, skipped: 6 });
    }
}
