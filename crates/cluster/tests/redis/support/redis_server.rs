//! A Redis server of one test, and commands to it.

use std::ops::{Deref, DerefMut};

use cluster::redis::RedisUrl;
use test_redis::TestServer;

/// A running server. It ends with this value.
pub struct RedisServer {
    server: TestServer,
    /// The user and password of the tests, such as `:password@`.
    user: String,
}

impl RedisServer {
    /// Starts a server.
    pub fn start() -> Self {
        Self::start_with(&[], "")
    }

    /// Starts a server with further options, whose user and password for the tests are `user`.
    pub fn start_with(options: &[&str], user: &str) -> Self {
        Self { server: TestServer::start(options), user: user.to_owned() }
    }

    /// The URL for nodes.
    pub fn url(&self) -> RedisUrl {
        RedisUrl::parse(&self.server.url_as(&self.user)).expect("the URL is valid")
    }

    /// Executes a command.
    pub async fn command<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.server.url_as(&self.user)).expect("the URL is valid");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis accepts connections");
        let mut query = redis::cmd(command[0]);
        query.arg(&command[1..]);
        query.query_async(&mut connection).await.expect("the command succeeds")
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
