//! A Redis server with its own port and folder. It ends when this is dropped.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::task::yield_now;

pub struct RedisServer {
    child: Child,
    port: u16,
    password: Option<&'static str>,
    /// Further options of the program.
    options: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server that also has TLS on a port, with these files of its certificate and key.
    pub async fn start_with_tls(tls_port: u16, certificate: &str, key: &str) -> Self {
        let options = ["--tls-port", &tls_port.to_string(), "--tls-cert-file", certificate, "--tls-key-file", key];
        let options = options.into_iter().chain(["--tls-auth-clients", "no"]).map(str::to_owned).collect();
        Self::start_with(None, options).await
    }

    /// Starts a server without a password, and waits until it answers.
    pub async fn start() -> Self {
        Self::start_with(None, Vec::new()).await
    }

    pub async fn start_with_password(password: &'static str) -> Self {
        Self::start_with(Some(password), Vec::new()).await
    }

    async fn start_with(password: Option<&'static str>, options: Vec<String>) -> Self {
        loop {
            // Another process may take the port before Redis does; then Redis ends, and the next port is tried.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let folder = tempfile::tempdir().unwrap();
            let child = spawn(port, password, &options, &folder);
            let mut server = Self { child, port, password, options: options.clone(), folder };
            if server.becomes_ready().await {
                return server;
            }
        }
    }

    pub fn url(&self) -> String {
        let password = self.password.map_or(String::new(), |password| format!(":{password}@"));
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    /// Ends the server, without warning to its clients.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the server again after [`RedisServer::kill`], on the same port and with no data.
    pub async fn start_again(&mut self) {
        loop {
            self.child = spawn(self.port, self.password, &self.options, &self.folder);
            if self.becomes_ready().await {
                return;
            }
        }
    }

    /// Sends one command, and returns the answer.
    pub async fn command(&self, parts: &[&[u8]]) -> redis::Value {
        let mut connection = redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::Cmd::new();
        for part in parts {
            command.arg(*part);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    pub async fn publish(&self, channel: &str, message: &[u8]) {
        self.command(&[b"PUBLISH", channel.as_bytes(), message]).await;
    }

    /// Waits until the server answers. False if it has ended.
    async fn becomes_ready(&mut self) -> bool {
        let client = redis::Client::open(self.url()).unwrap();
        while self.child.try_wait().unwrap().is_none() {
            if client.get_multiplexed_async_connection().await.is_ok() {
                return true;
            }
            yield_now().await;
        }
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, password: Option<&str>, options: &[String], folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"]).arg(folder.path()).args(options);
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.unwrap_or_else(|error| {
        panic!("redis-server cannot be started ({error}): cargo xtask setup as root, or apt-get install redis-server")
    })
}
