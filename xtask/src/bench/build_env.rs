//! The folders and the build settings of all servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::machine;
use super::servers::ServerKind;
use crate::install::{self, succeed};
use crate::test::{root, target};

/// Where the servers are built, and how many threads they have.
pub struct BuildEnv {
    pub root: PathBuf,
    pub target: PathBuf,
    /// The sources of the servers that Roomcast is compared with.
    pub peers: PathBuf,
    /// How many threads serve connections.
    pub threads: usize,
    /// Another build of the `roomcast` binary.
    pub compared: Option<PathBuf>,
}

impl BuildEnv {
    /// `threads` is `None` for one thread on each core except the load generator's. `compared` is another build of the `roomcast` binary.
    pub fn new(threads: Option<usize>, compared: Option<PathBuf>) -> Result<Self> {
        let root = root()?;
        let threads = threads.unwrap_or_else(|| machine::cores().saturating_sub(1)).max(1);
        Ok(Self { threads, compared, peers: root.join("bench/peers"), target: target(&root), root })
    }

    /// Builds xtask, which has the load generator, with optimizations. Returns the path of its binary.
    pub fn release_xtask(&self) -> Result<PathBuf> {
        self.cargo(&["build", "--release", "--package", "xtask"])?;
        Ok(self.target.join("release/xtask"))
    }

    pub fn cargo(&self, arguments: &[&str]) -> Result<()> {
        let mut cargo = Command::new("cargo");
        succeed(cargo.arg("--quiet").args(arguments).current_dir(&self.root))
    }

    /// Checks a server for Node, and installs its packages.
    pub fn node(&self, folder: &Path) -> Result<()> {
        succeed(Command::new("node").arg("--check").arg(folder.join("server.js")))?;
        install::from_npm(folder)
    }

    /// The name and version of a package that a server for Node has installed.
    pub fn npm_package(&self, kind: ServerKind, name: &str) -> Option<String> {
        let package = fs::read(self.peers.join(kind.name()).join("node_modules").join(name).join("package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_slice(&package).ok()?;
        Some(format!("{name} {}", package["version"].as_str()?))
    }
}
