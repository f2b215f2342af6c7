//! `cargo xtask test`: everything that must pass before a change goes in.

use std::process::Command;

use anyhow::{Context, ensure};

/// Runs the tests of the workspace.
pub fn run() -> anyhow::Result<()> {
    let status = Command::new("cargo").args(["test", "--workspace"]).status().context("cargo cannot be started")?;
    ensure!(status.success(), "the tests of the workspace fail");
    Ok(())
}
