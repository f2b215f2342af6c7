//! A server while it runs: a fresh process on a port of its own, gone when this is dropped.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::folder::Folder;
use super::measure::Process;
use super::peers::{Peer, Workshop};
use super::postgres::Postgres;
use super::token::SECRET;

const START: Duration = Duration::from_secs(15);

pub struct Server {
    pub peer: Peer,
    pub port: u16,
    pub process: Process,
    command: Command,
    child: Child,
    storage: Storage,
}

/// What a server stores in. It goes after the server.
enum Storage {
    Nothing,
    /// The whole product's database is in its process.
    InProcess(#[expect(dead_code, reason = "it is there for its end")] Folder),
    Postgres(Postgres),
}

impl Server {
    /// Starts it and waits until it listens. `settings` are environment variables of this scenario.
    pub fn start(peer: Peer, workshop: &Workshop, settings: &[(&str, &str)]) -> Result<Self> {
        Self::try_start(peer, workshop, settings).with_context(|| format!("{} cannot be started", peer.name()))
    }

    fn try_start(peer: Peer, workshop: &Workshop, settings: &[(&str, &str)]) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = peer.command(workshop)?;
        command.env("PORT", port.to_string()).env("JWT_SECRET", SECRET).stdin(Stdio::null()).stdout(Stdio::piped());
        // The first is Roomcast's, the second tokio's. Node and the floor have one in any case.
        command.env("SHARDS", workshop.threads.to_string()).env("TOKIO_WORKER_THREADS", workshop.threads.to_string());
        let storage = match peer {
            Peer::Roomcast => Storage::InProcess(furnish(&mut command, port)?),
            Peer::Express => {
                let postgres = Postgres::start(&port.to_string())?;
                command.envs(postgres.settings());
                Storage::Postgres(postgres)
            }
            Peer::Floor | Peer::Engine | Peer::Socketioxide | Peer::SocketIo => Storage::Nothing,
        };
        command.envs(settings.iter().copied());
        let child = spawn(&mut command)?;
        // From here on dropping it ends the child.
        let mut server = Self { peer, port, process: Process::new(child.id())?, command, child, storage };
        server.await_ready()?;
        Ok(server)
    }

    /// Ends the process as it stands.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again, with what it has stored and on the same port, and waits until it listens.
    pub fn start_again(&mut self) -> Result<()> {
        self.child = spawn(&mut self.command)?;
        self.process = Process::new(self.child.id())?;
        self.await_ready()
    }

    /// The CPU of a database that is not in its process.
    pub fn database_cpu(&self) -> Result<Option<Duration>> {
        match &self.storage {
            Storage::Postgres(postgres) => postgres.cpu().map(Some),
            Storage::Nothing | Storage::InProcess(_) => Ok(None),
        }
    }

    /// The few lines say `ready`; the product is ready when it listens.
    fn await_ready(&mut self) -> Result<()> {
        let stdout = self.child.stdout.take().context("no stdout")?;
        let (said, ready) = mpsc::channel();
        thread::spawn(move || {
            // Read to the end, so that it never waits for its log to be read.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.trim() == "ready" {
                    said.send(()).ok();
                }
            }
        });
        let start = Instant::now();
        loop {
            if self.peer.is_the_product() {
                thread::sleep(Duration::from_millis(1));
                if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                    return Ok(());
                }
            } else if ready.recv_timeout(Duration::from_millis(20)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at once: {status}");
            }
            if start.elapsed() > START {
                bail!("it is not ready after {} s", START.as_secs());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| format!("{:?}", command.get_program()))
}

/// The whole product with its own new database, and none of the limits that a load test would run into.
fn furnish(command: &mut Command, port: u16) -> Result<Folder> {
    let folder = Folder::new(&port.to_string())?;
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
