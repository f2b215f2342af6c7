//! The servers that are measured: how each is built and how it is started.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::build_env::BuildEnv;
use super::postgres::Postgres;
use crate::requirements::Requirement;
use crate::setup::install_missing;

/// In the order of the table's columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum ServerKind {
    /// One epoll loop without features: the cost of the kernel's work.
    Baseline,
    /// Roomcast's engine with the protocol of the bench.
    Engine,
    /// The complete Roomcast server.
    Roomcast,
    /// The complete Roomcast server with PostgreSQL.
    #[value(name = "roomcast-postgres")]
    RoomcastPostgres,
    /// Another build of the complete Roomcast server: `--compare`.
    #[value(skip)]
    Compared,
    /// socketioxide with the protocol of the bench.
    Socketioxide,
    /// socket.io on Node with the protocol of the bench.
    #[value(name = "socket.io")]
    SocketIo,
    /// The studio contract on Express, socket.io and PostgreSQL.
    Express,
}

impl ServerKind {
    pub fn name(self) -> &'static str {
        match self {
            ServerKind::Baseline => "baseline",
            ServerKind::Engine => "engine",
            ServerKind::Roomcast => "roomcast",
            ServerKind::RoomcastPostgres => "roomcast-postgres",
            ServerKind::Compared => "roomcast (compared)",
            ServerKind::Socketioxide => "socketioxide",
            ServerKind::SocketIo => "socket.io",
            ServerKind::Express => "express",
        }
    }

    /// Whether it serves Roomcast's contracts, and not the protocol of the bench.
    pub fn is_roomcast(self) -> bool {
        matches!(self, ServerKind::Roomcast | ServerKind::RoomcastPostgres | ServerKind::Compared)
    }

    /// Builds it if the build is not up to date.
    pub fn build(self, build_env: &BuildEnv) -> Result<()> {
        match self {
            ServerKind::Baseline | ServerKind::Compared => Ok(()),
            ServerKind::Engine => build_env.cargo(&["build", "--release", "--package", "roomcast-engine", "--example", "bench"]),
            ServerKind::Roomcast => build_roomcast(build_env),
            ServerKind::RoomcastPostgres => {
                install_missing(&build_env.root, &[Requirement::PostgreSql, Requirement::Redis]).and_then(|()| build_roomcast(build_env))
            }
            ServerKind::Socketioxide => {
                let manifest = build_env.peers.join("socketioxide/Cargo.toml");
                let target = build_env.target.join("bench");
                build_env.cargo(&["build", "--release", "--locked", "--manifest-path", text(&manifest)?, "--target-dir", text(&target)?])
            }
            ServerKind::SocketIo => {
                install_missing(&build_env.root, &[Requirement::Redis]).and_then(|()| build_env.node(&build_env.peers.join("socket.io")))
            }
            ServerKind::Express => {
                install_missing(&build_env.root, &[Requirement::PostgreSql]).and_then(|()| build_env.node(&build_env.peers.join("express")))
            }
        }
        .with_context(|| format!("{} cannot be built", self.name()))
    }

    /// The command that starts it, without the port.
    pub fn command(self, build_env: &BuildEnv) -> Result<Command> {
        let command = match self {
            ServerKind::Baseline => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["bench", "--serve-baseline"]);
                command
            }
            ServerKind::Engine => Command::new(build_env.target.join("release/examples/bench")),
            ServerKind::Roomcast | ServerKind::RoomcastPostgres => serve(&build_env.target.join("release/roomcast")),
            ServerKind::Compared => serve(build_env.compared.as_deref().context("`--compare` names the binary")?),
            ServerKind::Socketioxide => Command::new(build_env.target.join("bench/release/bench-socketioxide")),
            ServerKind::SocketIo | ServerKind::Express => {
                let mut command = Command::new("node");
                command.arg(build_env.peers.join(self.name()).join("server.js")).env("NODE_ENV", "production");
                command
            }
        };
        Ok(command)
    }

    /// The version that is measured, for a server that users can install.
    pub fn version(self, build_env: &BuildEnv) -> Option<String> {
        let node = || output_of("node", "--version");
        match self {
            ServerKind::Baseline | ServerKind::Engine | ServerKind::Compared => None,
            ServerKind::Roomcast => Some(format!("roomcast {}", env!("CARGO_PKG_VERSION"))),
            ServerKind::RoomcastPostgres => Some(format!("roomcast {} with {}", env!("CARGO_PKG_VERSION"), Postgres::version()?)),
            ServerKind::Socketioxide => {
                let lock = fs::read_to_string(build_env.peers.join("socketioxide/Cargo.lock")).ok()?;
                let (_, rest) = lock.split_once("name = \"socketioxide\"\nversion = \"")?;
                Some(format!("socketioxide {}", rest.split_once('"')?.0))
            }
            ServerKind::SocketIo => Some(format!("{} on Node {}", build_env.npm_package(self, "socket.io")?, node()?)),
            ServerKind::Express => {
                let packages = ["express", "socket.io", "pg"].map(|name| build_env.npm_package(self, name));
                let packages = packages.into_iter().collect::<Option<Vec<_>>>()?.join(" and ");
                Some(format!("{packages} on Node {}, {}", node()?, Postgres::version()?))
            }
        }
    }
}

fn build_roomcast(build_env: &BuildEnv) -> Result<()> {
    build_env.cargo(&["build", "--release", "--package", "roomcast", "--bin", "roomcast"])
}

/// The command that starts a build of Roomcast.
fn serve(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve");
    command
}

/// What a program prints for one argument.
fn output_of(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not UTF-8")
}
