//! A Redis server for tests: the installed one, on a port of its own, without data on the disk.
//!
//! A missing server, or one that does not start, is a panic with a line that says what to install: a test without its server fails.

#![allow(clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The program, which is in `PATH`.
pub const PROGRAM: &str = "redis-server";

/// How often a server is started on another port because a program has taken the port before it.
const ATTEMPTS: u32 = 5;

/// How often a start is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// A server. It ends when this value is dropped.
#[derive(Debug)]
pub struct TestServer {
    port: u16,
    options: Vec<String>,
    /// The folder of the server. It has the log.
    folder: TempDir,
    /// `None` while the server is killed.
    process: Option<Child>,
}

impl TestServer {
    /// Starts a server with further options of the program, such as `--requirepass` and `sesame`, and waits until it accepts commands.
    ///
    /// # Panics
    /// If Redis is not installed or does not start.
    pub fn start(options: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut server = Self { port: 0, options: options.iter().map(|option| (*option).to_owned()).collect(), folder, process: None };
        for _ in 0..ATTEMPTS {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("Redis does not start: {}", server.log());
    }

    /// Starts the server after [`TestServer::kill`], on the same port and with no data.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "Redis runs already");
        assert!(self.launch(), "Redis does not start again: {}", self.log());
    }

    /// Ends the server at once, with its data. A server that is killed already stays as it is.
    ///
    /// # Panics
    /// If the process cannot be ended.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).expect("the process is a child of this one");
        }
    }

    /// Sends a signal to the process of the server: `STOP` freezes it, with its connections and data, and `CONT` lets it continue.
    ///
    /// # Panics
    /// If the server is killed.
    pub fn send_signal(&self, signal: &str) {
        send_signal(self.process.as_ref().expect("the server runs").id(), signal);
    }

    /// The port of the server on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the server, without a user and a password.
    pub fn url(&self) -> String {
        self.url_as("")
    }

    /// The URL of the server with a user and a password, such as `anna:sesame@`, or `:sesame@` for a server that has a password only.
    pub fn url_as(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}", self.port)
    }

    /// Starts the process, and waits until it answers. False if it ends before that.
    fn launch(&mut self) -> bool {
        let log = fs::File::create(self.folder.path().join("log")).expect("the folder is ours");
        let mut command = command(self.port, self.folder.path());
        command.args(&self.options).stdin(Stdio::null()).stdout(log.try_clone().expect("the file is open")).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{PROGRAM} cannot be started ({error}): cargo xtask setup as root, or apt-get install redis-server")
        });
        let process = self.process.insert(process);
        while !answers(self.port) {
            if process.try_wait().expect("the process is a child of this one").is_some() {
                self.process = None;
                return false;
            }
            thread::sleep(CHECK_INTERVAL);
        }
        true
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill().and_then(|()| process.wait());
        }
    }
}

/// The command that starts a server on a port of 127.0.0.1, with this folder and without data on the disk.
pub fn command(port: u16, folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
    command
}

/// A port of 127.0.0.1 that no program listens on. Another program may take it before the caller does.
///
/// # Panics
/// If no port is free.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Sends a signal, such as `STOP`, to a process.
///
/// # Panics
/// If there is no such process.
pub fn send_signal(process: u32, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "the process {process} does not exist");
}

/// Whether a server accepts commands. One with a password rejects the command in place of executing it.
fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"PING\r\n")?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).map(|_| reply)
    };
    ask().is_ok_and(|reply: String| reply.starts_with("+PONG") || reply.starts_with("-NOAUTH"))
}
