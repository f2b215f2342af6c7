//! What a path may ask about the running server: its open connections, and its health.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::time::Duration;

use domain::ids::{RoomId, UserId};

/// The future of an answer. `None` if a part of the server does not respond.
pub type StatusFuture<'a, T> = Pin<Box<dyn Future<Output = Option<T>> + Send + 'a>>;

/// Answers questions about the running server.
pub trait ServerStatus: Send + Sync {
    /// How long the server has been running.
    fn uptime(&self) -> Duration;

    /// The counters since the start, if the database can be written. `None` if it cannot.
    fn healthy_counters(&self) -> StatusFuture<'_, ConnectionCounters>;

    /// The counters since the start.
    fn counters(&self) -> StatusFuture<'_, ConnectionCounters>;

    /// All open sockets. It takes some time for each of them.
    fn connections(&self) -> StatusFuture<'_, ConnectionStats>;

    /// A user's sockets, the oldest first.
    fn sockets_of<'a>(&'a self, user: &'a UserId) -> StatusFuture<'a, Vec<SocketInfo>>;
}

/// Counters since the start of the server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionCounters {
    /// Open sockets.
    pub sockets: u64,
    /// Accepted sockets.
    pub total_sockets: u64,
    /// Ended sockets, by reason.
    pub disconnected: BTreeMap<&'static str, u64>,
    /// The sum of the ended sockets' ages.
    pub lasted: Duration,
    /// The highest age of an ended socket.
    pub longest: Duration,
    /// Rejected connection requests, by the code of the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Client requests, by name.
    pub requests: BTreeMap<&'static str, u64>,
    /// Failed client requests, by the code of the error.
    pub failed_requests: BTreeMap<&'static str, u64>,
}

/// An open socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SocketInfo {
    /// Its Socket.IO id.
    pub id: String,
    /// Its namespace; `None` is the raw WebSocket.
    pub namespace: Option<String>,
    /// `websocket`, `polling` or `raw`.
    pub transport: &'static str,
    /// Its age.
    pub lasting: Duration,
    /// The rooms that it is in.
    pub rooms: Vec<RoomId>,
}

/// All open sockets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionStats {
    /// How many connections there are; one may have a socket in each namespace.
    pub connections: u64,
    /// The number of sockets of each user.
    pub users: HashMap<UserId, u64>,
    /// The number of sockets in each namespace; `raw` is the raw WebSocket.
    pub namespaces: HashMap<String, u64>,
    /// The number of sockets of each transport.
    pub transports: HashMap<&'static str, u64>,
    /// The number of sockets of each user in each room. Inboxes are not counted.
    pub rooms: HashMap<RoomId, HashMap<UserId, u64>>,
    /// The sum of the sockets' ages.
    pub lasting: Duration,
    /// The age of the oldest socket.
    pub longest: Duration,
}

impl ConnectionStats {
    /// How many sockets there are.
    pub fn sockets(&self) -> u64 {
        self.users.values().sum()
    }

    /// Adds the sockets of another part of the server, which has other connections.
    pub fn add(&mut self, other: Self) {
        self.connections += other.connections;
        add_all(&mut self.users, other.users);
        add_all(&mut self.namespaces, other.namespaces);
        add_all(&mut self.transports, other.transports);
        for (room, users) in other.rooms {
            add_all(self.rooms.entry(room).or_default(), users);
        }
        self.lasting += other.lasting;
        self.longest = self.longest.max(other.longest);
    }
}

fn add_all<K: std::hash::Hash + Eq>(to: &mut HashMap<K, u64>, from: HashMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key).or_default() += count;
    }
}
