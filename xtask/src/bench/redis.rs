//! A Redis server for the bench: on a port of its own, without data on the disk. It ends when this is dropped.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::geteuid;

use crate::install::from_apt;

const START: Duration = Duration::from_secs(15);

pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Installs Debian's package if Redis is not installed.
    pub fn install() -> Result<()> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok() {
            return Ok(());
        }
        ensure!(geteuid().is_root(), "Redis is not installed: apt-get install redis-server");
        from_apt(&["redis-server"])
    }

    /// Starts a server, and waits until it accepts connections.
    pub fn start() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]).arg(port.to_string());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("redis-server cannot be started")?;
        // From here on, an error drops this value, which ends the server.
        let mut server = Self { child, port };
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("redis-server has ended: {status}");
            }
            ensure!(start.elapsed() < START, "redis-server is not ready after {} s", START.as_secs());
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
