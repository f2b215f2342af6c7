//! Programs that check the project, each with a fixed version. `cargo xtask setup` installs them into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use crate::install;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    CargoDeny,
    CargoMachete,
    Typos,
}

impl Tool {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CargoDeny => "cargo-deny",
            Self::CargoMachete => "cargo-machete",
            Self::Typos => "typos",
        }
    }

    pub const fn version(self) -> &'static str {
        match self {
            Self::CargoDeny => "0.20.2",
            Self::CargoMachete => "0.9.2",
            Self::Typos => "1.52.0",
        }
    }

    /// What the tool checks.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::CargoDeny => "licenses, banned crates, and sources",
            Self::CargoMachete => "unused dependencies",
            Self::Typos => "spelling",
        }
    }

    /// The path of its program. The folder's name has the version, so that a new version is installed and not taken for the old one.
    pub fn program(self, root: &Path) -> PathBuf {
        self.folder(root).join("bin").join(self.name())
    }

    /// Installs it. PyPI has typos as a program, and the others are built from crates.io.
    pub fn install(self, root: &Path) -> Result<()> {
        match self {
            Self::CargoDeny | Self::CargoMachete => {
                // The two share a folder for their builds, because they have dependencies in common.
                install::from_crates_io(self.name(), self.version(), &self.folder(root), &root.join("target/tools/build"))
            }
            Self::Typos => install::into_virtual_environment(&self.folder(root), &[&format!("typos=={}", self.version())]),
        }
    }

    /// Runs its check. The tool prints its findings.
    ///
    /// # Errors
    /// If the tool finds a fault.
    pub fn check(self, root: &Path) -> Result<()> {
        let mut command = Command::new(self.program(root));
        match self {
            Self::CargoDeny => command.args(["--log-level", "error", "check", "licenses", "bans", "sources"]),
            Self::CargoMachete => command.arg("."),
            Self::Typos => &mut command,
        };
        let status = command.current_dir(root).status()?;
        ensure!(status.success(), "{} has found a fault in its check of {}", self.name(), self.purpose());
        Ok(())
    }

    fn folder(self, root: &Path) -> PathBuf {
        root.join("target/tools").join(format!("{}-{}", self.name(), self.version()))
    }
}
