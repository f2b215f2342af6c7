//! The servers that are measured: how each is built and how it is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::machine;
use super::postgres::Postgres;
use crate::install::{self, succeed};

/// In the order of the table's columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Peer {
    /// One bare epoll loop: what the kernel costs.
    Floor,
    /// Roomcast's engine, with the few lines that the peers have.
    Engine,
    /// The whole product.
    Roomcast,
    /// socketioxide, the few lines.
    Socketioxide,
    /// socket.io on Node, the few lines.
    #[value(name = "socket.io")]
    SocketIo,
    /// The studio contract the usual way: express, socket.io and PostgreSQL.
    Express,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Floor => "floor",
            Peer::Engine => "engine",
            Peer::Roomcast => "roomcast",
            Peer::Socketioxide => "socketioxide",
            Peer::SocketIo => "socket.io",
            Peer::Express => "express",
        }
    }

    /// Whether it speaks its own contracts, and not the bench's few lines.
    pub fn is_the_product(self) -> bool {
        self == Peer::Roomcast
    }

    /// Builds it, unless that is done already.
    pub fn build(self, workshop: &Workshop) -> Result<()> {
        match self {
            Peer::Floor => Ok(()),
            Peer::Engine => workshop.cargo(&["build", "--release", "--package", "engine", "--example", "bench"]),
            Peer::Roomcast => workshop.cargo(&["build", "--release", "--package", "server", "--bin", "roomcast"]),
            Peer::Socketioxide => {
                let manifest = workshop.peers.join("socketioxide/Cargo.toml");
                let target = workshop.target.join("bench");
                workshop.cargo(&["build", "--release", "--locked", "--manifest-path", text(&manifest)?, "--target-dir", text(&target)?])
            }
            Peer::SocketIo => workshop.node(&workshop.peers.join("socket.io")),
            Peer::Express => Postgres::install().and_then(|()| workshop.node(&workshop.peers.join("express"))),
        }
        .with_context(|| format!("{} cannot be built", self.name()))
    }

    /// The command that starts it, without the port.
    pub fn command(self, workshop: &Workshop) -> Result<Command> {
        let command = match self {
            Peer::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["bench", "--serve-floor"]);
                command
            }
            Peer::Engine => Command::new(workshop.target.join("release/examples/bench")),
            Peer::Roomcast => {
                let mut command = Command::new(workshop.target.join("release/roomcast"));
                command.arg("serve");
                command
            }
            Peer::Socketioxide => Command::new(workshop.target.join("bench/release/bench-socketioxide")),
            Peer::SocketIo | Peer::Express => {
                let mut command = Command::new("node");
                command.arg(workshop.peers.join(self.name()).join("server.js")).env("NODE_ENV", "production");
                command
            }
        };
        Ok(command)
    }

    /// The version that is measured, for a peer that is not part of this project.
    pub fn version(self, workshop: &Workshop) -> Option<String> {
        match self {
            Peer::Floor | Peer::Engine | Peer::Roomcast => None,
            Peer::Socketioxide => {
                let lock = fs::read_to_string(workshop.peers.join("socketioxide/Cargo.lock")).ok()?;
                let (_, rest) = lock.split_once("name = \"socketioxide\"\nversion = \"")?;
                Some(format!("socketioxide {}", rest.split_once('"')?.0))
            }
            Peer::SocketIo => Some(format!("{} on Node {}", workshop.package(self, "socket.io")?, said("node", "--version")?)),
            Peer::Express => {
                let packages = ["express", "socket.io", "pg"].map(|name| workshop.package(self, name));
                let packages = packages.into_iter().collect::<Option<Vec<_>>>()?.join(" and ");
                Some(format!("{packages} on Node {}, {}", said("node", "--version")?, Postgres::version()?))
            }
        }
    }
}

/// What a program says of itself.
fn said(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where things are built.
pub struct Workshop {
    root: PathBuf,
    target: PathBuf,
    peers: PathBuf,
    /// How many threads serve connections.
    pub threads: usize,
}

impl Workshop {
    pub fn here(threads: Option<usize>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?.to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
        let threads = threads.unwrap_or_else(|| machine::cores().saturating_sub(1)).max(1);
        Ok(Self { threads, peers: root.join("bench/peers"), target, root })
    }

    /// The generator itself, built with optimisations.
    pub fn fast_xtask(&self) -> Result<PathBuf> {
        self.cargo(&["build", "--release", "--package", "xtask"])?;
        Ok(self.target.join("release/xtask"))
    }

    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        let mut cargo = Command::new("cargo");
        succeed(cargo.arg("--quiet").args(arguments).current_dir(&self.root))
    }

    /// A package that a peer has installed, with its version.
    fn package(&self, peer: Peer, name: &str) -> Option<String> {
        let package = fs::read(self.peers.join(peer.name()).join("node_modules").join(name).join("package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_slice(&package).ok()?;
        Some(format!("{name} {}", package["version"].as_str()?))
    }

    /// Prepares a server on Node.
    fn node(&self, folder: &Path) -> Result<()> {
        succeed(Command::new("node").arg("--check").arg(folder.join("server.js")))?;
        install::from_npm(folder)
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}
