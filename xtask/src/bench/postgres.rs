//! A PostgreSQL server for the bench: a new cluster with default settings that listens on a socket in its folder. It is removed when this is dropped.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

use super::process::ProcessUsage;
use super::temp_dir::TempDir;
use crate::install::from_apt;

const START: Duration = Duration::from_secs(15);
/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
const USER: &str = "bench";
const DATABASE: &str = "postgres";

pub struct Postgres {
    postmaster: Child,
    folder: TempDir,
}

impl Postgres {
    /// Installs Debian's package if PostgreSQL's server is not installed.
    pub fn install() -> Result<()> {
        if program("postgres").is_ok() {
            return Ok(());
        }
        ensure!(geteuid().is_root(), "PostgreSQL's server is not installed: apt-get install postgresql");
        from_apt(&["postgresql"])
    }

    pub fn version() -> Option<String> {
        let output = Command::new(program("postgres").ok()?).arg("--version").output().ok()?;
        String::from_utf8_lossy(&output.stdout).split_whitespace().nth(2).map(|version| format!("PostgreSQL {version}"))
    }

    /// Starts a new cluster, and waits until it is ready. `name` is part of the folder's name.
    pub fn start(name: &str) -> Result<Self> {
        let folder = TempDir::new(name)?;
        let data = folder.path().join("data");
        let initdb = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--username", USER, "--pgdata"];
        let initialized = unprivileged("initdb", &folder)?.args(initdb).arg(&data).output().context("initdb cannot be started")?;
        ensure!(initialized.status.success(), "initdb fails: {}", String::from_utf8_lossy(&initialized.stderr));
        let mut postmaster = unprivileged("postgres", &folder)?;
        postmaster.arg("-D").arg(&data).args(["-c", "listen_addresses="]).arg("-c");
        postmaster.arg(format!("unix_socket_directories={}", folder.path().display()));
        let log = fs::File::create(folder.path().join("log"))?;
        postmaster.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let postmaster = postmaster.spawn().context("postgres cannot be started")?;
        // From here on, an error drops this value, which ends the server.
        let mut server = Self { postmaster, folder };
        server.await_ready(&data)?;
        Ok(server)
    }

    /// Waits until the last line of postmaster.pid is `ready`.
    fn await_ready(&mut self, data: &Path) -> Result<()> {
        let start = Instant::now();
        while !fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|text| text.trim_end().ends_with("\nready")) {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            if let Some(status) = self.postmaster.try_wait()? {
                bail!("postgres has ended: {status}: {}", log());
            }
            ensure!(start.elapsed() < START, "postgres is not ready after {} s: {}", START.as_secs(), log());
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The environment variables with which a client of libpq connects, on the server's socket or through a proxy on this port.
    pub fn settings(&self, proxy: Option<u16>) -> Vec<(&'static str, String)> {
        let mut settings = vec![("PGUSER", USER.to_owned()), ("PGDATABASE", DATABASE.to_owned())];
        match proxy {
            Some(port) => settings.extend([("PGHOST", "127.0.0.1".to_owned()), ("PGPORT", port.to_string())]),
            None => settings.push(("PGHOST", self.folder.path().display().to_string())),
        }
        settings
    }

    /// The same as a URL.
    pub fn url(&self, proxy: Option<u16>) -> String {
        let host = match proxy {
            Some(port) => format!("127.0.0.1:{port}"),
            // The path of the folder is the name of the host, in which a slash is encoded.
            None => self.folder.path().display().to_string().replace('/', "%2F"),
        };
        format!("postgres://{USER}@{host}/{DATABASE}")
    }

    /// The path of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// The CPU time of the postmaster and all its processes, including those that have ended.
    pub fn cpu(&self) -> Result<Duration> {
        ProcessUsage::new(self.postmaster.id())?.cpu_with_children()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Immediate shutdown: the postmaster ends its processes and writes nothing.
        if let Ok(pid) = i32::try_from(self.postmaster.id()) {
            kill(Pid::from_raw(pid), Signal::SIGQUIT).ok();
        }
        self.postmaster.wait().ok();
    }
}

/// A command for one of PostgreSQL's programs in this folder. PostgreSQL does not run as root, so for root the command runs as another user, who becomes the
/// owner of the folder.
fn unprivileged(name: &str, folder: &TempDir) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    command.current_dir(folder.path());
    if geteuid().is_root() {
        let names = ["postgres", "nobody"];
        let user = names
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .context("there is no unprivileged user for PostgreSQL, which does not run as root")?;
        chown(folder.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(command)
}

/// The path of one of PostgreSQL's programs. Debian installs the server's programs in folders that are not in `PATH`.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let mut candidates = std::env::split_paths(&path).chain(debian).map(|folder| folder.join(name));
    candidates.find(|file| file.is_file()).with_context(|| format!("{name} is not installed"))
}
