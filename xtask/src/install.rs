//! What the tests and the bench need and the machine may lack.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Installs what a folder's package-lock.json says, unless just this is installed.
pub fn from_npm(folder: &Path) -> Result<()> {
    unless_installed(&folder.join("package-lock.json"), &folder.join("node_modules/.roomcast-lock"), || {
        succeed(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder))
    })
}

/// Installs what a folder's requirements.txt says into an environment of its own, unless just this is installed. What Python lacks for that
/// comes from apt, where that is at hand.
pub fn from_pypi(folder: &Path) -> Result<()> {
    unless_installed(&folder.join("requirements.txt"), &folder.join(".venv/.roomcast-lock"), || {
        let environment = || succeed(Command::new("python3").args(["-m", "venv", "--clear", ".venv"]).current_dir(folder));
        if environment().is_err() {
            from_apt(&["python3", "python3-venv"])?;
            environment()?;
        }
        let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", "requirements.txt"];
        succeed(Command::new(folder.join(".venv/bin/python")).args(pip).current_dir(folder))
    })
}

/// Installs the packages of all examples.
pub fn for_examples(examples: &Path) -> Result<()> {
    for entry in std::fs::read_dir(examples).with_context(|| format!("{} cannot be read", examples.display()))? {
        let folder = entry?.path();
        if folder.join("package-lock.json").exists() {
            from_npm(&folder)?;
        }
        if folder.join("requirements.txt").exists() {
            from_pypi(&folder)?;
        }
    }
    Ok(())
}

/// Installs the browser that opens our pages, unless there is one.
pub fn browser() -> Result<()> {
    let is_there = Command::new("chromium").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if is_there { Ok(()) } else { from_apt(&["chromium"]) }
}

/// Installs the headers of OpenSSL, which the client for Rust is built with, unless they are there.
pub fn openssl() -> Result<()> {
    let found = Command::new("pkg-config").args(["--exists", "openssl"]).status();
    if found.is_ok_and(|status| status.success()) { Ok(()) } else { from_apt(&["libssl-dev", "pkg-config"]) }
}

/// Installs Debian's packages; root alone may.
pub fn from_apt(packages: &[&str]) -> Result<()> {
    // A fresh machine has no package lists yet, and apt must not wait for answers to its questions.
    let apt = |arguments: &[&str]| succeed(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments));
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
}

/// Runs a command, which must succeed. What it prints goes to stderr: stdout is for results.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdout(io::stderr()).status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// Installs what a lock file names, unless the note about what was installed says just the same.
fn unless_installed(lock: &Path, note: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = std::fs::read(lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    if std::fs::read(note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    Ok(std::fs::write(note, wanted)?)
}
