//! `cargo xtask ci`: the checks and the tests that CI runs, in the order of their cost.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::install::succeed;
use crate::requirements::FOR_CHECKS;
use crate::test::root;
use crate::tools::Tool;
use crate::{docs, lint, setup, test};

type CheckStep = (&'static str, fn(&Path) -> Result<()>);

/// The tests are last, so that their totals end the output.
const STEPS: [CheckStep; 9] = [
    ("format", |root| cargo(root, &["fmt", "--all", "--check"])),
    ("install the tools", |root| setup::install_missing(root, &FOR_CHECKS)),
    ("spelling", |root| Tool::Typos.check(root)),
    ("prose, names, and function lengths", |_| lint::run(&lint::LintOptions::default())),
    ("unused dependencies", |root| Tool::CargoMachete.check(root)),
    ("licenses, bans, and sources", |root| Tool::CargoDeny.check(root)),
    ("clippy", |root| cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])),
    ("documentation", |root| docs::check(root)),
    ("tests", |_| test::run(&test::TestOptions::default())),
];

/// Runs all steps until one fails.
pub fn run() -> Result<()> {
    let root = root()?;
    for (name, step) in STEPS {
        eprintln!("== {name}");
        let start = Instant::now();
        step(&root).with_context(|| format!("the step `{name}` has failed"))?;
        eprintln!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    succeed(Command::new("cargo").args(arguments).current_dir(root))
}
