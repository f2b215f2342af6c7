//! A running server: a new process on its own port, which is killed when this is dropped.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use test_redis::free_port;

use super::build_env::BuildEnv;
use super::delaying_proxy::DelayingProxy;
use super::postgres::Postgres;
use super::process::ProcessUsage;
use super::servers::ServerKind;
use super::temp_dir::TempDir;
use super::token::SECRET;

const START: Duration = Duration::from_secs(15);

pub struct ServerProcess {
    pub kind: ServerKind,
    pub port: u16,
    pub process: ProcessUsage,
    command: Command,
    child: Child,
    storage: Storage,
}

/// Where a server stores its data. It is removed after the server has ended.
enum Storage {
    Nothing,
    /// Roomcast's database is a file that its own process reads and writes.
    InProcess(#[expect(dead_code, reason = "it is held until it is dropped")] TempDir),
    Postgres {
        server: Postgres,
        #[expect(dead_code, reason = "it is held until it is dropped")]
        proxy: Option<DelayingProxy>,
        #[expect(dead_code, reason = "it is held until it is dropped")]
        folder: Option<TempDir>,
    },
}

/// The database and the Redis of a server.
enum Services<'a> {
    /// A database of its own. `round_trip` is the time of a round trip to it, if it runs in another process and a proxy delays it.
    Own { round_trip: Option<Duration> },
    /// Those that these environment variables name.
    Shared(&'a [(&'a str, String)]),
}

impl ServerProcess {
    /// Starts it and waits until it listens. `settings` are environment variables of this scenario.
    pub fn start(kind: ServerKind, build_env: &BuildEnv, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_at_distance(kind, build_env, settings, None)
    }

    /// Starts it with a database in another process whose round trip takes this time.
    pub fn start_at_distance(
        kind: ServerKind,
        build_env: &BuildEnv,
        settings: &[(&str, &str)],
        round_trip: Option<Duration>,
    ) -> Result<Self> {
        let services = Services::Own { round_trip };
        Self::try_start(kind, build_env, settings, &services).with_context(|| format!("{} cannot be started", kind.name()))
    }

    /// Starts it as a node that shares its database and its Redis with other nodes. `shared` are the environment variables that name them.
    pub fn start_node(kind: ServerKind, build_env: &BuildEnv, shared: &[(&str, String)]) -> Result<Self> {
        let services = Services::Shared(shared);
        Self::try_start(kind, build_env, &[], &services).with_context(|| format!("a node of {} cannot be started", kind.name()))
    }

    fn try_start(kind: ServerKind, build_env: &BuildEnv, settings: &[(&str, &str)], services: &Services<'_>) -> Result<Self> {
        let port = free_port();
        let mut command = kind.command(build_env)?;
        command.env("PORT", port.to_string()).env("JWT_SECRET", SECRET).stdin(Stdio::null()).stdout(Stdio::piped());
        // The first is for Roomcast, and the second for tokio. Node and the baseline server always have one thread.
        command.env("SHARDS", build_env.threads.to_string()).env("TOKIO_WORKER_THREADS", build_env.threads.to_string());
        let storage = match (kind, services) {
            (ServerKind::RoomcastPostgres | ServerKind::Express, Services::Own { round_trip }) => {
                start_postgres(kind, &mut command, port, *round_trip)?
            }
            _ if kind.is_roomcast() => Storage::InProcess(configure_roomcast(&mut command, port)?),
            _ => Storage::Nothing,
        };
        if let Services::Shared(shared) = services {
            command.env("NODE_URL", format!("http://127.0.0.1:{port}")).envs(shared.iter().map(|(name, value)| (name, value)));
        }
        command.envs(settings.iter().copied());
        let child = spawn(&mut command)?;
        // From here on, an error drops this value, which kills the child.
        let mut server = Self { kind, port, process: ProcessUsage::new(child.id())?, command, child, storage };
        server.await_ready()?;
        Ok(server)
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts a new process with the same database and port, and waits until it listens.
    pub fn restart(&mut self) -> Result<()> {
        self.child = spawn(&mut self.command)?;
        self.process = ProcessUsage::new(self.child.id())?;
        self.await_ready()
    }

    /// The CPU time of a database that runs in other processes.
    pub fn database_cpu(&self) -> Result<Option<Duration>> {
        match &self.storage {
            Storage::Postgres { server, .. } => server.cpu().map(Some),
            Storage::Nothing | Storage::InProcess(_) => Ok(None),
        }
    }

    /// Waits until the server listens: Roomcast accepts a connection, and the others print `ready`.
    fn await_ready(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().context("no stdout")?;
        let (sender, ready) = mpsc::channel();
        thread::spawn(move || {
            // All output is read, so that the server never waits for a reader.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.trim() == "ready" {
                    sender.send(()).ok();
                }
            }
        });
        let start = Instant::now();
        loop {
            if self.kind.is_roomcast() {
                thread::sleep(Duration::from_millis(1));
                if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                    return Ok(());
                }
            } else if ready.recv_timeout(Duration::from_millis(20)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it has ended: {status}");
            }
            if start.elapsed() > START {
                bail!("it is not ready after {} s", START.as_secs());
            }
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("{:?}", command.get_program()))
}

/// Starts a new database server for this server, and a proxy in front of it if a round trip is to take some time.
fn start_postgres(kind: ServerKind, command: &mut Command, port: u16, round_trip: Option<Duration>) -> Result<Storage> {
    let server = Postgres::start()?;
    let proxy = round_trip.map(|round_trip| DelayingProxy::start(server.socket(), round_trip)).transpose()?;
    let proxy_port = proxy.as_ref().map(DelayingProxy::port);
    let mut folder = None;
    if kind.is_roomcast() {
        folder = Some(configure_roomcast(command, port)?);
        command.env("DATABASE_URL", server.url(proxy_port));
    } else {
        command.envs(server.settings(proxy_port));
    }
    Ok(Storage::Postgres { server, proxy, folder })
}

/// Gives Roomcast a new database, and turns off the limits that a load test would reach.
fn configure_roomcast(command: &mut Command, port: u16) -> Result<TempDir> {
    let folder = TempDir::new(&port.to_string())?;
    let database = format!("sqlite://{}", folder.path().join("bench.db").display());
    command.current_dir(folder.path()).env("DATABASE_URL", database).envs([
        ("HOST", "127.0.0.1"),
        ("RATE_LIMITS", "off"),
        ("MAX_HTTP_CONNECTIONS_PER_ADDRESS", "0"),
        ("PRESENCE_AUDIENCE", "none"),
        ("MAX_CONNECTIONS_PER_USER", "0"),
        ("SOCKETIO_MAX_CONNECTIONS_PER_USER", "0"),
        ("LOG_LEVEL", "warn"),
    ]);
    Ok(folder)
}
