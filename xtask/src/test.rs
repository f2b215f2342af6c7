//! `cargo xtask test`: installs what the tests need, and runs all tests.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::install;
use crate::requirements::{FOR_TESTS, Requirement};
use crate::setup;

#[derive(clap::Args, Default)]
pub struct TestOptions {
    /// Run only one group of tests
    #[arg(long)]
    only: Option<Group>,
    /// Run only tests whose name contains this text
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// The tests of the crates.
    Rust,
    /// Stock clients against the real server.
    E2e,
}

/// The time after which Node's runner ends a test file and counts it as failed. It turns a hang into a failure, and is not the time limit of a test: the
/// longest file takes less than five minutes on a busy machine.
const FILE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The results that the test runners have printed.
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
    let mut errors = Vec::new();
    // The tests of the crates need Redis, Node.js, and its packages, too.
    setup::install_missing(&root, &FOR_TESTS)?;
    for (group, run) in [(Group::Rust, rust as fn(&Path, Option<&str>, &mut Tally) -> Result<()>), (Group::E2e, end_to_end)] {
        if options.only.is_none_or(|only| only == group)
            && let Err(error) = run(&root, filter, &mut tally)
        {
            eprintln!("{error:#}");
            errors.push(error);
        }
    }
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    ensure!(errors.is_empty() && tally.failed == 0, "tests have failed: see the output above");
    ensure!(tally.passed > 0, "no test was run");
    Ok(())
}

/// The root folder of the repository.
pub fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    Ok(root.to_owned())
}

/// The folder in which Cargo builds the workspace at `root`.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

fn rust(root: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    setup::install_missing(root, &[Requirement::CCompiler, Requirement::PostgreSql])?;
    let mut tests = Command::new("cargo");
    tests.args(["test", "--workspace", "--no-fail-fast"]).args(filter).current_dir(root);
    // A changed snapshot fails, and its test writes no file.
    tests.env("INSTA_UPDATE", "no");
    let on_sqlite = run_counted(&mut tests, tally);

    // The tests of the whole server run on each database.
    let mut tests = Command::new("cargo");
    tests.args(["test", "--package", "roomcast", "--test", "rest", "--test", "scenarios", "--no-fail-fast"]).args(filter).current_dir(root);
    run_counted(tests.env("INSTA_UPDATE", "no").env("ROOMCAST_TEST_DATABASE", "postgres"), tally)?;
    on_sqlite
}

fn end_to_end(root: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    let folder = root.join("e2e");
    install::succeed(Command::new("cargo").args(["build", "--locked"]).env_remove("CARGO_TARGET_DIR").current_dir(folder.join("rust")))?;

    install::succeed(Command::new("cargo").args(["build", "--workspace", "--bins", "--examples"]).current_dir(root))?;
    let mut tests = Command::new("node");
    // One file at a time, because some tests measure a server's memory.
    tests.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    tests.arg(format!("--test-timeout={}", FILE_TIMEOUT.as_millis()));
    if let Some(filter) = filter {
        tests.args(["--test-name-pattern", filter]);
    }
    run_counted(tests.arg(".").current_dir(folder), tally)
}

/// Runs tests, prints their output, and counts their results.
fn run_counted(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{command:?} cannot be started"))?;
    let output = child.stdout.take().context("the child process has no stdout")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tally.read(&line);
    }
    ensure!(child.wait()?.success(), "{command:?} failed");
    Ok(())
}

impl Tally {
    /// Adds the counts of a closing line of Cargo's or Node's test runner.
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
    fn closing_lines_of_both_runners_are_added_up() {
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
