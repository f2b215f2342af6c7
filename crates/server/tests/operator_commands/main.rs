//! The commands of the binary for operators: each test runs it in its own folder and environment.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

mod backup;
mod checks;
mod doctor;
mod error_pages;
mod explain;
mod live_server;
mod running;
mod service_manager;
mod shell_files;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A signing secret that production accepts.
const SECRET: (&str, &str) = ("JWT_SECRET", "0123456789abcdef0123456789abcdef");

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn command(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roomcast"));
    command.env_clear().envs(environment.iter().copied()).args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    command(folder, environment, arguments).output().unwrap()
}

/// The exit code and the standard output.
fn outcome(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The output of a successful run.
fn printed(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(folder, environment, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    outcome(&output).1
}

/// The one error line of a failed run.
fn error(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(folder, environment, arguments);
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    line.strip_prefix("roomcast: ").unwrap().trim_end().to_owned()
}

/// The name and the outcome of each check of a report in JSON.
fn outcomes(report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    report["checks"].as_array().unwrap().iter().map(|check| (text(check, "name"), text(check, "outcome"))).collect()
}
