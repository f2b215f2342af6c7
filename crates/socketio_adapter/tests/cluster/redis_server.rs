//! A Redis server of one test, and commands to it.

use std::ops::{Deref, DerefMut};

use test_redis::TestServer;

/// A server. It ends when this is dropped.
pub struct RedisServer {
    server: TestServer,
    /// The password of the tests, such as `:password@`.
    user: String,
}

impl RedisServer {
    /// Starts a server without a password.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server without a password, with further options of the program.
    pub fn start_with(options: &[&str]) -> Self {
        Self { server: TestServer::start(options), user: String::new() }
    }

    pub fn start_with_password(password: &str) -> Self {
        Self { server: TestServer::start(&["--requirepass", password]), user: format!(":{password}@") }
    }

    pub fn url(&self) -> String {
        self.server.url_as(&self.user)
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
}

impl Deref for RedisServer {
    type Target = TestServer;

    fn deref(&self) -> &TestServer {
        &self.server
    }
}

impl DerefMut for RedisServer {
    fn deref_mut(&mut self) -> &mut TestServer {
        &mut self.server
    }
}
