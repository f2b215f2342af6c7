//! A Redis server of one test: its own port and folder.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use cluster::redis::RedisUrl;
use tempfile::TempDir;

use super::wait_until_async;

/// A running server. It ends with this value.
pub struct RedisServer {
    pub port: u16,
    arguments: Vec<String>,
    /// How the tests themselves connect.
    url: String,
    process: Option<Child>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server.
    pub async fn start() -> Self {
        Self::start_with(&[], "").await
    }

    /// Starts a server with further arguments, whose user and password for the tests are `user`, such as `:password@`.
    pub async fn start_with(arguments: &[&str], user: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let folder = TempDir::new().expect("a folder can be made");
        let mut server = Self { port, arguments, url: format!("redis://{user}127.0.0.1:{port}"), process: None, folder };
        server.run().await;
        server
    }

    /// Starts the server again, after [`RedisServer::kill`]. It has no data, because it never saves any.
    pub async fn run(&mut self) {
        let port = self.port.to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", &self.folder.path().to_string_lossy()])
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.expect("redis-server is installed: cargo xtask setup, or apt-get install redis-server"));
        let client = redis::Client::open(self.url.as_str()).expect("the URL is valid");
        wait_until_async("Redis accepts commands", async || {
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
            redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok()
        })
        .await;
    }

    /// Ends the server at once, with its data.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).expect("the process can be ended");
        }
    }

    /// Stops the server (`STOP`) or lets it continue (`CONT`), with its connections and data.
    pub fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the server runs").id();
        send_signal(process, signal);
    }

    /// The URL for nodes.
    pub fn url(&self) -> RedisUrl {
        RedisUrl::parse(&self.url).expect("the URL is valid")
    }

    /// Executes a command.
    pub async fn command<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.url.as_str()).expect("the URL is valid");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis accepts connections");
        let mut query = redis::cmd(command[0]);
        query.arg(&command[1..]);
        query.query_async(&mut connection).await.expect("the command succeeds")
    }
}

/// Sends a signal to a process.
pub fn send_signal(process: u32, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "the process {process} exists");
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
