//! All servers of the cluster: nodes, Redis, PostgreSQL, and the load balancer.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use test_postgres::TestServer;
use test_redis::free_port;

use super::command::{Action, Part};
use super::nginx;
use super::process::Process;
use crate::requirements;
use crate::test::target;

/// The port of the load balancer, if it is free.
const PORT: u16 = 8080;

/// Each node has nine connections.
const POSTGRES_SETTINGS: [&str; 1] = ["max_connections=200"];

pub struct Servers {
    // The order of the fields is the order in which they end if the start fails.
    pub balancer: Process,
    pub members: Vec<Process>,
    pub redis: Process,
    pub postgres: PostgresServer,
    /// The folder of the logs.
    pub folder: PathBuf,
    binary: PathBuf,
    secret: String,
}

/// PostgreSQL, with its data in a temporary folder: root's own folders are closed to the user that runs it.
pub struct PostgresServer {
    server: TestServer,
    is_running: bool,
    pub url: String,
}

impl Servers {
    /// Starts everything. `port` is that of the load balancer, if the user has chosen one.
    pub fn start(root: &Path, binary: &Path, nodes: u8, port: Option<u16>) -> Result<Self> {
        let folder = target(root).join("cluster");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;
        // If root starts nginx, its workers run as another user, and need its folders for temporary files.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;

        let server = TestServer::start(&POSTGRES_SETTINGS);
        let postgres = PostgresServer { url: server.create_database(), server, is_running: true };
        let mut redis = redis(&folder);
        redis.start()?;
        let (secret, cluster_secret) = (random()?, random()?);
        let shared = [
            ("JWT_SECRET", secret.clone()),
            ("CLUSTER_SECRET", cluster_secret),
            ("DATABASE_URL", postgres.url.clone()),
            ("REDIS_URL", format!("redis://127.0.0.1:{}", redis.port)),
            ("HOST", "127.0.0.1".to_owned()),
            ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ];
        let mut members = Vec::new();
        for number in 1..=nodes {
            let mut node = node(&folder, binary, number, &shared);
            node.start()?;
            members.push(node);
        }
        let mut balancer = balancer(root, &folder, balancer_port(port)?, &members)?;
        balancer.start()?;
        Ok(Self { balancer, members, redis, postgres, folder, binary: binary.to_owned(), secret })
    }

    /// The number of nodes.
    pub fn nodes(&self) -> u8 {
        u8::try_from(self.members.len()).unwrap_or(u8::MAX)
    }

    /// A token of this user, signed by the server itself.
    pub fn token(&self, user: &str) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(["token", "--sub", user, "--name", user]).env_clear().env("JWT_SECRET", &self.secret).current_dir(&self.folder);
        let output = command.output().context("the server's binary cannot be started")?;
        ensure!(output.status.success(), "no token: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Does what the user asks for.
    ///
    /// # Errors
    /// A line that says why it is not possible.
    pub fn change(&mut self, action: Action, part: Part) -> Result<()> {
        match part {
            Part::Redis => self.redis.change(action),
            Part::Postgres => self.postgres.change(action),
            Part::Node(number) => {
                let node = self.members.get_mut(usize::from(number) - 1).context("there is no such node")?;
                node.change(action)
            }
        }
    }

    /// The state of a part, as a sentence.
    pub fn status_of(&self, part: Part) -> String {
        match part {
            Part::Redis => format!("redis {}", self.redis.state()),
            Part::Postgres => format!("postgres {}", if self.postgres.is_running { "runs" } else { "is stopped" }),
            Part::Node(number) => {
                let node = self.members.get(usize::from(number) - 1);
                node.map_or_else(String::new, |node| format!("{} {}", node.name, node.state()))
            }
        }
    }

    /// The state of all parts, one a line.
    pub fn status(&self) -> String {
        let parts = (1..=self.nodes()).map(Part::Node).chain([Part::Redis, Part::Postgres]);
        parts.map(|part| self.status_of(part)).collect::<Vec<_>>().join("\n")
    }

    /// A line for each process that has ended by itself since the last call.
    pub fn ended(&mut self) -> Vec<String> {
        let processes = self.members.iter_mut().chain([&mut self.redis, &mut self.balancer]);
        let ended = processes.filter_map(|process| {
            let status = process.ended()?;
            Some(format!("{} has ended by itself with {status}; the end of its log:\n{}", process.name, process.end_of_log()))
        });
        ended.collect()
    }

    /// Ends everything in order, so that the nodes can drain.
    pub fn stop(&mut self) {
        self.balancer.stop();
        for node in &mut self.members {
            node.stop();
        }
        self.redis.stop();
    }
}

impl PostgresServer {
    fn change(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Stop | Action::Restart => {
                ensure!(self.is_running, "postgres does not run");
                self.server.stop_at_once();
            }
            _ => ensure!(!self.is_running, "postgres runs already"),
        }
        if action != Action::Stop {
            self.server.start_again(&POSTGRES_SETTINGS);
        }
        self.is_running = action != Action::Stop;
        Ok(())
    }
}

fn redis(folder: &Path) -> Process {
    let port = free_port();
    Process::new("redis".to_owned(), port, test_redis::command(port, folder), folder.join("redis.log"))
}

/// A node. Only the given settings are in its environment, and no file `.env` is in its folder.
fn node(folder: &Path, binary: &Path, number: u8, shared: &[(&str, String)]) -> Process {
    let (name, port) = (format!("node{number}"), free_port());
    let mut command = Command::new(binary);
    command.arg("serve").current_dir(folder).env_clear().envs(shared.iter().map(|(name, value)| (name, value)));
    command.env("NODE_ID", &name).env("NODE_URL", format!("http://127.0.0.1:{port}")).env("PORT", port.to_string());
    Process::new(name.clone(), port, command, folder.join(format!("{name}.log")))
}

fn balancer(root: &Path, folder: &Path, port: u16, nodes: &[Process]) -> Result<Process> {
    let nodes: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let file = folder.join("nginx.conf");
    fs::write(&file, nginx::configuration(root, &format!("127.0.0.1:{port}"), &nodes)?)?;
    let mut command = Command::new(requirements::nginx().context("nginx is not installed")?);
    command.arg("-p").arg(folder).arg("-c").arg(&file);
    command.args(["-g", &format!("daemon off; pid {}/nginx.pid;", folder.display())]);
    Ok(Process::new("nginx".to_owned(), port, command, folder.join("nginx.log")))
}

/// The chosen port, or [`PORT`], or a free one.
fn balancer_port(chosen: Option<u16>) -> Result<u16> {
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    match chosen {
        Some(port) => {
            ensure!(is_free(port), "--port {port}: the port is in use, choose another one");
            Ok(port)
        }
        None if is_free(PORT) => Ok(PORT),
        None => Ok(free_port()),
    }
}

/// A secret of 32 random bytes, as hexadecimal digits.
fn random() -> Result<String> {
    let mut bytes = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
