//! Installs packages from the package registries: npm, PyPI, crates.io, and Debian's.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

/// Installs the packages of a folder's package-lock.json, unless they are installed.
pub fn from_npm(folder: &Path) -> Result<()> {
    unless_installed(&npm_note(folder), || {
        succeed(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder))
    })
}

/// Whether the packages of a folder's package-lock.json are installed.
pub fn has_npm_packages(folder: &Path) -> bool {
    npm_note(folder).is_current()
}

/// Installs the packages of a folder's requirements.txt into its virtual environment, unless they are installed.
pub fn from_pypi(folder: &Path) -> Result<()> {
    unless_installed(&pypi_note(folder), || into_virtual_environment(&folder.join(".venv"), &["-r", path_text(&pypi_note(folder).lock)?]))
}

/// Whether the packages of a folder's requirements.txt are installed.
pub fn has_pypi_packages(folder: &Path) -> bool {
    pypi_note(folder).is_current()
}

/// Installs the packages of all examples.
pub fn for_examples(examples: &Path) -> Result<()> {
    for folder in folders_in(examples) {
        if npm_note(&folder).lock.exists() {
            from_npm(&folder)?;
        }
        if pypi_note(&folder).lock.exists() {
            from_pypi(&folder)?;
        }
    }
    Ok(())
}

/// Whether the packages of all examples are installed.
pub fn has_example_packages(examples: &Path) -> bool {
    let notes = folders_in(examples).into_iter().flat_map(|folder| [npm_note(&folder), pypi_note(&folder)]);
    notes.filter(|note| note.lock.exists()).all(|note| note.is_current())
}

/// The entries of a folder, or none if it does not exist.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Creates a virtual environment for Python, and installs packages into it. Debian has the module `venv` in a package of its own, which is installed if it is
/// missing.
pub fn into_virtual_environment(folder: &Path, packages: &[&str]) -> Result<()> {
    let create = || succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if create().is_err() {
        from_apt(&["python3", "python3-venv"])?;
        create()?;
    }
    let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet"];
    succeed(Command::new(folder.join("bin/python")).args(pip).args(packages))
}

/// Builds a program from crates.io into a folder. A debug build takes a fraction of the time, and is fast enough for programs that check the project.
pub fn from_crates_io(name: &str, version: &str, folder: &Path, target: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["install", "--quiet", "--locked", "--debug", "--version", version, "--root"]).arg(folder).arg("--target-dir").arg(target);
    succeed(cargo.arg(name).env("CARGO_PROFILE_DEV_DEBUG", "0"))
}

/// Installs Debian's packages, which only root may do.
pub fn from_apt(packages: &[&str]) -> Result<()> {
    ensure!(geteuid().is_root(), "only root may install packages: sudo apt-get install {}", packages.join(" "));
    // A new machine has no package lists yet. apt must not ask questions.
    let apt = |arguments: &[&str]| succeed(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments));
    apt(&["update", "--quiet"])?;
    apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat())
}

/// Runs a command. Its output goes to stderr, because stdout is for results.
///
/// # Errors
/// If the command cannot be started, or its exit code is not 0.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command.stdout(io::stderr()).status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}

/// A lock file, and the note with its content at the time of the last installation.
struct LockNote {
    lock: PathBuf,
    note: PathBuf,
}

impl LockNote {
    fn is_current(&self) -> bool {
        std::fs::read(&self.lock).is_ok_and(|lock| std::fs::read(&self.note).is_ok_and(|note| note == lock))
    }
}

fn npm_note(folder: &Path) -> LockNote {
    LockNote { lock: folder.join("package-lock.json"), note: folder.join("node_modules/.roomcast-lock") }
}

fn pypi_note(folder: &Path) -> LockNote {
    LockNote { lock: folder.join("requirements.txt"), note: folder.join(".venv/.roomcast-lock") }
}

/// Installs the packages of a lock file, unless its note says that they are installed.
fn unless_installed(note: &LockNote, install: impl FnOnce() -> Result<()>) -> Result<()> {
    if note.is_current() {
        return Ok(());
    }
    install()?;
    std::fs::copy(&note.lock, &note.note).with_context(|| format!("cannot copy {}", note.lock.display()))?;
    Ok(())
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_again_when_the_lock_file_changes() {
        let folder = std::env::temp_dir().join(format!("roomcast-install-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let note = LockNote { lock: folder.join("lock"), note: folder.join("note") };
        let mut installs = 0;
        for (content, expected) in [("one", 1), ("one", 1), ("two", 2), ("two", 2)] {
            std::fs::write(&note.lock, content).unwrap();
            unless_installed(&note, || {
                installs += 1;
                Ok(())
            })
            .unwrap();
            assert_eq!(installs, expected, "{content}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
