//! The settings of a node, for several nodes that act as one server.

use std::path::PathBuf;

use super::database_url::{DatabaseUrl, RedisUrl};
use super::error::ConfigError;
use super::node_names::{MAX_NAME, NodeId, NodeUrl, RedisPrefix, is_name_byte};
use super::settings::SocketIoAdapter;
use super::value::{Secret, SettingValue};
use super::{Config, KeyChoice};

/// The fewest bytes of `CLUSTER_SECRET`: a client that guesses it may send requests in the name of any address.
const MIN_CLUSTER_SECRET_BYTES: usize = 32;

/// All settings of a node. [`Config::cluster`] returns them.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// `REDIS_URL`.
    pub redis_url: RedisUrl,
    /// `REDIS_CA`.
    pub redis_ca: Option<PathBuf>,
    /// `REDIS_PREFIX`.
    pub redis_prefix: RedisPrefix,
    /// `NODE_ID`, or the name of the machine and the port.
    pub node_id: NodeId,
    /// `NODE_URL`.
    pub node_url: NodeUrl,
    /// `CLUSTER_SECRET`.
    pub secret: Secret,
}

impl Config {
    /// The settings of a node. `None` if this process is the only one of its server, or if [`Config::check`] fails.
    pub fn cluster(&self) -> Option<ClusterSettings> {
        let redis_url = self.storage.redis_url.clone().filter(|_| self.has_several_nodes())?;
        Some(ClusterSettings {
            redis_url,
            redis_ca: self.storage.redis_ca.clone(),
            redis_prefix: self.cluster.redis_prefix.clone(),
            node_id: self.cluster.node_id.clone().or_else(|| default_node_id(&host_name(), self.server.port))?,
            node_url: self.cluster.node_url.clone()?,
            secret: self.cluster.secret.clone()?,
        })
    }

    /// True if the process is one of several nodes: PostgreSQL and Redis are set, and Redis is not that of socket.io servers.
    pub(super) fn has_several_nodes(&self) -> bool {
        let is_postgres = matches!(self.storage.database_url, DatabaseUrl::Postgres(_));
        is_postgres && self.storage.redis_url.is_some() && self.socketio.adapter == SocketIoAdapter::None
    }

    /// The settings of a node that are set, by name.
    fn node_settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let cluster = &self.cluster;
        let url = cluster.node_url.as_ref().map(|url| ("NODE_URL", url.show()));
        let secret = cluster.secret.as_ref().map(|secret| ("CLUSTER_SECRET", secret.show()));
        let id = cluster.node_id.as_ref().map(|id| ("NODE_ID", id.show()));
        [url, secret, id].into_iter().flatten()
    }

    /// Errors: a node without its address, secret or key, and a node beside socket.io servers.
    pub(super) fn check_cluster(&self) -> Result<(), ConfigError> {
        if self.has_several_nodes() { self.check_node() } else { self.check_adapter_alone() }
    }

    fn check_node(&self) -> Result<(), ConfigError> {
        let missing = |name: &str, right: &str| Err(ConfigError::line(format!("{name} is not set: several nodes need it; {right}")));
        let url = match &self.cluster.node_url {
            None => missing("NODE_URL", "set the address at which the other nodes reach this one, such as http://10.0.0.7:3000"),
            Some(_) => Ok(()),
        };
        let secret = match &self.cluster.secret {
            None => missing("CLUSTER_SECRET", "set the same text on all nodes, such as `openssl rand -hex 32` prints"),
            Some(secret) if secret.expose().len() < MIN_CLUSTER_SECRET_BYTES => {
                let right = format!(
                    "it can be guessed; expected at least {MIN_CLUSTER_SECRET_BYTES} bytes, the same on all nodes, such as `openssl rand -hex 32` prints"
                );
                Err(ConfigError::setting("CLUSTER_SECRET", &secret.show(), right))
            }
            Some(_) => Ok(()),
        };
        // Each process makes its own secret in dev mode, so a token would be valid on one node only.
        let key = match self.key_choice() {
            Ok(KeyChoice::Dev) => Err(ConfigError::line(
                "JWT_SECRET is not set: several nodes need the same key; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS on all nodes",
            )),
            // Another check reports a contradiction.
            Ok(_) | Err(_) => Ok(()),
        };
        ConfigError::all([url, secret, key].into_iter().filter_map(Result::err))
    }

    /// A process beside socket.io servers is the only one, because two would deliver each event of the socket.io servers twice.
    fn check_adapter_alone(&self) -> Result<(), ConfigError> {
        match self.node_settings().next() {
            Some((name, value)) if self.socketio.adapter == SocketIoAdapter::Redis && self.storage.redis_url.is_some() => {
                let right = "several nodes beside socket.io servers are not supported yet; set SOCKETIO_ADAPTER=none, or, for a single server \
                             beside socket.io servers, unset NODE_URL, CLUSTER_SECRET and NODE_ID";
                Err(ConfigError::setting(name, &value, right))
            }
            _ => Ok(()),
        }
    }

    /// A warning about settings of a node that have no effect.
    pub(super) fn cluster_warning(&self) -> Option<String> {
        let (name, _) = self.node_settings().next().filter(|_| !self.has_several_nodes())?;
        Some(format!("{name} has no effect: several nodes need DATABASE_URL=postgres://… and REDIS_URL; this process is a single server"))
    }
}

/// The name of the machine and the port, with the characters that an id may have: always an id.
fn default_node_id(host_name: &str, port: u16) -> Option<NodeId> {
    let end = format!("-{port}");
    let clean = |byte: u8| if is_name_byte(byte) { byte as char } else { '-' };
    let host: String = host_name.bytes().map(clean).take(MAX_NAME - end.len()).collect();
    NodeId::parse(&if host.is_empty() { format!("node{end}") } else { host + &end })
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_id_is_machine_and_port_in_allowed_letters() {
        for (host, expected) in [("web-1", "web-1-3000"), ("", "node-3000"), ("a b:c", "a-b-c-3000"), ("ä", "---3000")] {
            assert_eq!(default_node_id(host, 3000).as_ref().map(NodeId::as_str), Some(expected));
        }
        let long = default_node_id(&"x".repeat(80), 65_535);
        assert!(long.as_ref().is_some_and(|long| long.as_str().ends_with("-65535")), "{long:?}");
        assert!(default_node_id(&host_name(), 3000).is_some());
    }
}
