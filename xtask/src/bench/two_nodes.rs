//! Two nodes of one server: two processes of Roomcast with one PostgreSQL and one Redis, or two processes of socket.io with one Redis.

use anyhow::Result;
use test_redis::TestServer;

use super::build_env::BuildEnv;
use super::postgres::Postgres;
use super::server_process::ServerProcess;
use super::servers::ServerKind;

/// The secret that the nodes authenticate with to each other.
const CLUSTER_SECRET: &str = "the bench's own secret of its nodes, at least 32 bytes long";

/// Two running nodes. The services that they share end after them.
pub struct TwoNodes {
    pub first: ServerProcess,
    pub second: ServerProcess,
    _postgres: Option<Postgres>,
    _redis: TestServer,
}

impl TwoNodes {
    /// Starts both nodes, and waits until each listens.
    pub fn start(kind: ServerKind, build_env: &BuildEnv) -> Result<Self> {
        let redis = TestServer::start(&[]);
        let postgres = if kind.is_roomcast() { Some(Postgres::start()?) } else { None };
        let node = |name: &str| {
            let mut settings = vec![("REDIS_URL", redis.url())];
            if let Some(postgres) = &postgres {
                settings.extend([
                    ("DATABASE_URL", postgres.url(None)),
                    ("NODE_ID", name.to_owned()),
                    ("CLUSTER_SECRET", CLUSTER_SECRET.to_owned()),
                ]);
            }
            ServerProcess::start_node(kind, build_env, &settings)
        };
        let (first, second) = (node("first")?, node("second")?);
        Ok(Self { first, second, _postgres: postgres, _redis: redis })
    }
}
