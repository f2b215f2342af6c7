//! What a machine needs for the tests and the checks: how to find out whether it is there, and how to get it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::install;
use crate::tools::Tool;

/// The oldest version of Node with which the end-to-end tests run.
const NODE: [u32; 2] = [20, 19];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    Rustfmt,
    Clippy,
    CCompiler,
    Node,
    Npm,
    Python,
    Chromium,
    OpenSsl,
    Redis,
    PostgreSql,
    Nginx,
    HaProxy,
    Caddy,
    Promtool,
    FakeTime,
    NpmPackages,
    PythonPackages,
    ExamplePackages,
    Tool(Tool),
}

/// What `cargo xtask test` needs besides Cargo.
pub const FOR_TESTS: [Requirement; 16] = [
    Requirement::CCompiler,
    Requirement::Node,
    Requirement::Npm,
    Requirement::Python,
    Requirement::Chromium,
    Requirement::OpenSsl,
    Requirement::Redis,
    Requirement::PostgreSql,
    Requirement::Nginx,
    Requirement::HaProxy,
    Requirement::Caddy,
    Requirement::Promtool,
    Requirement::FakeTime,
    Requirement::NpmPackages,
    Requirement::PythonPackages,
    Requirement::ExamplePackages,
];

/// What `cargo xtask cluster` needs besides Cargo.
pub const FOR_CLUSTER: [Requirement; 4] = [Requirement::CCompiler, Requirement::Redis, Requirement::PostgreSql, Requirement::Nginx];

/// What the checks of `cargo xtask ci` need besides Cargo.
pub const FOR_CHECKS: [Requirement; 5] = [
    Requirement::Rustfmt,
    Requirement::Clippy,
    Requirement::Tool(Tool::Typos),
    Requirement::Tool(Tool::CargoMachete),
    Requirement::Tool(Tool::CargoDeny),
];

impl Requirement {
    /// Its name, and what needs it.
    pub fn name(self) -> String {
        match self {
            Self::Rustfmt => "rustfmt, for the format check".to_owned(),
            Self::Clippy => "Clippy, for the lints".to_owned(),
            Self::CCompiler => "a C compiler, for SQLite and aws-lc".to_owned(),
            Self::Node => format!("Node {}.{} or newer, for the end-to-end tests", NODE[0], NODE[1]),
            Self::Npm => "npm, for the packages of the end-to-end tests".to_owned(),
            Self::Python => "Python 3, for the client for Python".to_owned(),
            Self::Chromium => "Chromium, for the tests in a browser".to_owned(),
            Self::OpenSsl => "the headers of OpenSSL and pkg-config, for the client for Rust".to_owned(),
            Self::Redis => "Redis, for the tests of several nodes and of a cluster with socket.io servers".to_owned(),
            Self::PostgreSql => "the server of PostgreSQL, for the tests of the store and of several nodes".to_owned(),
            Self::Nginx => "nginx, for the tests of several nodes and of reverse proxies".to_owned(),
            Self::HaProxy => "HAProxy, for the tests of reverse proxies".to_owned(),
            Self::Caddy => "Caddy, for the tests of reverse proxies".to_owned(),
            Self::Promtool => "promtool of Prometheus, for the test of the alert rules".to_owned(),
            Self::FakeTime => "libfaketime, for the tests of nodes with different clocks".to_owned(),
            Self::NpmPackages => "the npm packages of e2e/package-lock.json".to_owned(),
            Self::PythonPackages => "the Python packages of e2e/python/requirements.txt".to_owned(),
            Self::ExamplePackages => "the packages of the examples".to_owned(),
            Self::Tool(tool) => format!("{} {}, for {}", tool.name(), tool.version(), tool.purpose()),
        }
    }

    /// How to get it by hand.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustup component add rustfmt",
            Self::Clippy => "rustup component add clippy",
            Self::CCompiler => "apt-get install build-essential, or your system's package",
            Self::Node | Self::Npm => "install it from https://nodejs.org, or with your system's package manager",
            Self::Python => "apt-get install python3 python3-venv, or your system's package",
            Self::Chromium => "cargo xtask setup as root, or apt-get install chromium, or your system's package",
            Self::OpenSsl => "cargo xtask setup as root, or apt-get install libssl-dev pkg-config, or your system's packages",
            Self::Redis => "cargo xtask setup as root, or apt-get install redis-server, or your system's package",
            Self::PostgreSql => {
                "cargo xtask setup as root, or apt-get install postgresql, or set POSTGRES_BIN to the folder of its programs"
            }
            Self::Nginx => "cargo xtask setup as root, or apt-get install nginx, or your system's package",
            Self::HaProxy => "cargo xtask setup as root, or apt-get install haproxy, or your system's package",
            Self::Caddy => "cargo xtask setup as root, or apt-get install caddy, or your system's package",
            Self::Promtool => "cargo xtask setup as root, or apt-get install prometheus, or your system's package",
            Self::FakeTime => "cargo xtask setup as root, or apt-get install faketime",
            Self::NpmPackages | Self::PythonPackages | Self::ExamplePackages | Self::Tool(_) => "cargo xtask setup",
        }
    }

    /// Whether the machine has it.
    pub fn is_met(self, root: &Path) -> bool {
        match self {
            Self::Rustfmt => runs("cargo", &["fmt", "--version"]),
            Self::Clippy => runs("cargo", &["clippy", "--version"]),
            Self::CCompiler => runs("cc", &["--version"]),
            Self::Node => output("node", &["--version"]).is_some_and(|version| is_supported_node(&version)),
            Self::Npm => runs("npm", &["--version"]),
            Self::Python => runs("python3", &["--version"]),
            Self::Chromium => runs("chromium", &["--version"]),
            Self::OpenSsl => runs("pkg-config", &["--exists", "openssl"]),
            Self::Redis => runs(test_redis::PROGRAM, &["--version"]),
            Self::PostgreSql => test_postgres::programs().is_ok(),
            Self::Nginx => nginx().is_some(),
            Self::HaProxy => installed("haproxy").is_some(),
            Self::Caddy => installed("caddy").is_some(),
            Self::Promtool => installed("promtool").is_some(),
            Self::FakeTime => has_fake_time(),
            Self::NpmPackages => install::has_npm_packages(&root.join("e2e")),
            Self::PythonPackages => install::has_pypi_packages(&root.join("e2e/python")),
            Self::ExamplePackages => install::has_example_packages(&root.join("examples")),
            Self::Tool(tool) => tool.program(root).exists(),
        }
    }

    /// Installs it.
    ///
    /// # Errors
    /// If only a person can install it, or the installation fails.
    pub fn install(self, root: &Path) -> Result<()> {
        match self {
            Self::Chromium => install::from_apt(&["chromium"]),
            Self::OpenSsl => install::from_apt(&["libssl-dev", "pkg-config"]),
            Self::Redis => install::from_apt(&["redis-server"]),
            Self::PostgreSql => install::from_apt(&["postgresql"]),
            Self::Nginx => install::from_apt(&["nginx"]),
            Self::HaProxy => install::from_apt(&["haproxy"]),
            Self::Caddy => install::from_apt(&["caddy"]),
            Self::Promtool => install::from_apt(&["prometheus"]),
            Self::FakeTime => install::from_apt(&["faketime"]),
            Self::NpmPackages => install::from_npm(&root.join("e2e")),
            Self::PythonPackages => install::from_pypi(&root.join("e2e/python")),
            Self::ExamplePackages => install::for_examples(&root.join("examples")),
            Self::Tool(tool) => tool.install(root),
            Self::Rustfmt | Self::Clippy | Self::CCompiler | Self::Node | Self::Npm | Self::Python => bail!("{}", self.remedy()),
        }
    }
}

/// The program nginx.
pub fn nginx() -> Option<PathBuf> {
    installed("nginx")
}

/// A program: in `PATH`, or where Debian has those of services, which is not in the `PATH` of every user.
fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Whether the library of Debian's package `faketime` is installed, which is in a folder of the machine's architecture.
fn has_fake_time() -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).any(|library| library.exists())
}

/// Whether a program can be started and succeeds.
fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What a program prints, if it succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Reads the output of `node --version`, such as `v20.19.0`.
fn is_supported_node(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    major.zip(minor).is_some_and(|(major, minor)| [major, minor] >= NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_compared_by_number() {
        for (version, expected) in [
            ("v20.19.0", true),
            ("v20.18.3", false),
            ("v20.9.9", false),
            ("v18.20.1", false),
            ("v22.0.0", true),
            ("v100.1.0", true),
            ("", false),
            ("node", false),
        ] {
            assert_eq!(is_supported_node(version), expected, "{version}");
        }
    }
}
