//! The connections of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::UserId;
use engine::id::Id;
use smallvec::SmallVec;

use super::DepartureId;

/// The type of a connection; each type has its own limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Socket.IO, by WebSocket or long-polling.
    SocketIo,
    /// The raw WebSocket.
    Raw,
}

/// A connection. The sockets of a user on it, one for each namespace, count as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with a number, which no other connection has, before or after.
    pub fn new(number: u64, transport: Transport) -> Self {
        // Every socket has a copy, so it takes only eight bytes.
        Self(number << 1 | u64::from(transport == Transport::Raw))
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0 >> 1
    }

    /// Its transport.
    pub fn transport(self) -> Transport {
        if self.0 & 1 == 1 { Transport::Raw } else { Transport::SocketIo }
    }
}

/// The number of a user's connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionCounts {
    /// Socket.IO connections.
    pub socketio: u32,
    /// Raw WebSockets.
    pub raw: u32,
}

/// A user who is online, or within the grace period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnlineUser {
    /// The user's id.
    pub user: UserId,
    /// The connections to this node. None are left within the grace period.
    pub connections: ConnectionCounts,
}

impl ConnectionCounts {
    fn of(&mut self, transport: Transport) -> &mut u32 {
        match transport {
            Transport::SocketIo => &mut self.socketio,
            Transport::Raw => &mut self.raw,
        }
    }

    fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// The users who are online on any node. The functions that change this node's part are called in the order of the changes.
pub trait OnlineOnNodes: Send + Sync {
    /// A connection was opened on this node. `id`: what other users see. With the first one the user comes online here.
    fn connection_opened(&self, user: &UserId, connection: ConnectionId, id: Option<Id>);

    /// A connection has ended.
    fn connection_closed(&self, user: &UserId, connection: ConnectionId);

    /// A connection has another id that other users see.
    fn connection_renamed(&self, user: &UserId, connection: ConnectionId, id: Id);

    /// How many connections with this transport the user has on other nodes.
    fn count_elsewhere(&self, user: &UserId, transport: Transport) -> u32;

    /// The connection id of a user that other users see; `None` if the user is offline.
    fn connection_of(&self, user: &UserId) -> Option<String>;

    /// The number of users who are online.
    fn count(&self) -> usize;
}

/// The users who are online, or within the grace period. A user without an entry is offline.
#[derive(Default)]
pub struct OnlineUsers {
    /// The connections of this node.
    state: Mutex<OnlineState>,
    /// The users of all nodes, if there are several: the answers name these. It must not be asked while the state is locked.
    on_nodes: Option<Arc<dyn OnlineOnNodes>>,
}

#[derive(Debug, Default)]
struct OnlineState {
    users: HashMap<UserId, UserPresence>,
    last_departure: DepartureId,
}

#[derive(Debug, Default)]
struct UserPresence {
    counts: ConnectionCounts,
    /// The connections, sorted by their numbers. If there are none, the last one, whose id other users know until the grace period ends.
    connections: SmallVec<[UserConnection; 1]>,
    /// The last departure, while the counts are zero.
    departure: DepartureId,
}

/// A connection of a user.
#[derive(Debug)]
struct UserConnection {
    number: u64,
    /// The number of its sockets, with those that are not accepted yet.
    sockets: u32,
    /// The id of its first socket, which other users see as the connection's id, unless presence events are switched off.
    id: Option<Id>,
}

impl UserPresence {
    /// Counts a socket, which may have an id that other users know. Returns whether it is the first socket of its connection. An error if its connection
    /// exceeds the limit `most`.
    fn enter(&mut self, connection: ConnectionId, id: Option<Id>, most: Option<u32>) -> Result<bool, u32> {
        if let Ok(index) = self.index_of(connection)
            && self.connections[index].sockets > 0
        {
            self.connections[index].sockets += 1;
            return Ok(false);
        }
        let count = self.counts.of(connection.transport());
        if most.is_some_and(|most| *count >= most) {
            return Err(*count);
        }
        *count += 1;
        self.connections.retain(|known| known.sockets > 0);
        let index = self.index_of(connection).unwrap_or_else(|index| index);
        self.connections.insert(index, UserConnection { number: connection.number(), sockets: 1, id });
        Ok(true)
    }

    /// Removes a socket from the count, and its connection with the last socket. Returns whether it was the last socket of its connection.
    fn leave(&mut self, connection: ConnectionId) -> bool {
        let Ok(index) = self.index_of(connection) else { return false };
        let known = &mut self.connections[index];
        let Some(sockets) = known.sockets.checked_sub(1) else { return false };
        known.sockets = sockets;
        if sockets == 0 {
            *self.counts.of(connection.transport()) -= 1;
            if !self.counts.is_zero() {
                self.connections.remove(index);
            }
        }
        sockets == 0
    }

    /// The connection id that other users see.
    fn known_by(&self) -> String {
        self.connections.iter().find_map(|known| known.id).map(|id| id.text()).unwrap_or_default()
    }

    /// The index of a connection, or else the index at which to insert it.
    fn index_of(&self, connection: ConnectionId) -> Result<usize, usize> {
        self.connections.binary_search_by_key(&connection.number(), |known| known.number)
    }
}

impl OnlineUsers {
    /// The online users of one of several nodes: the answers are those of `nodes`.
    pub fn on_several_nodes(nodes: Arc<dyn OnlineOnNodes>) -> Self {
        Self { state: Mutex::default(), on_nodes: Some(nodes) }
    }

    /// Counts a socket. Other users know its connection by the id of its first socket, unless presence events are switched off. If the user
    /// comes online with it, `send_online` sends the event. An error if it is the first socket of its connection, and the user has `most`
    /// connections of this type already (`None`: no limit).
    ///
    /// # Errors
    /// The number of the user's connections.
    pub fn connect(
        &self,
        user: &UserId,
        connection: ConnectionId,
        id: Option<Id>,
        most: Option<u32>,
        send_online: impl FnOnce(),
    ) -> Result<(), u32> {
        let mut state = self.lock();
        let opened = |is_first_socket: bool| {
            if let Some(nodes) = self.on_nodes.as_ref().filter(|_| is_first_socket) {
                nodes.connection_opened(user, connection, id);
            }
        };
        if let Some(presence) = state.users.get_mut(user) {
            return presence.enter(connection, id, most).map(opened);
        }
        let mut presence = UserPresence::default();
        presence.enter(connection, id, most).map(opened)?;
        state.users.insert(user.clone(), presence);
        send_online();
        Ok(())
    }

    /// How many connections with this transport a user has on other nodes.
    pub fn count_elsewhere(&self, user: &UserId, transport: Transport) -> u32 {
        self.on_nodes.as_ref().map_or(0, |nodes| nodes.count_elsewhere(user, transport))
    }

    /// Counts a user as online who was connected when the server stopped; `id` is the connection id that other users see. Returns a
    /// departure: call [`OnlineUsers::expire`] when its grace period ends.
    pub fn expect(&self, user: &UserId, id: Option<Id>) -> DepartureId {
        let mut state = self.lock();
        let OnlineState { users, last_departure } = &mut *state;
        let presence = users.entry(user.clone()).or_default();
        if presence.connections.is_empty() {
            presence.connections.push(UserConnection { number: 0, sockets: 0, id });
        }
        presence.departure = last_departure.next();
        presence.departure
    }

    /// Changes the connection id that other users see, after a socket was resumed.
    pub fn rename(&self, user: &UserId, connection: ConnectionId, from: Id, to: Id) {
        let mut state = self.lock();
        let Some(presence) = state.users.get_mut(user) else { return };
        if let Ok(index) = presence.index_of(connection)
            && presence.connections[index].id == Some(from)
        {
            presence.connections[index].id = Some(to);
            if let Some(nodes) = &self.on_nodes {
                nodes.connection_renamed(user, connection, to);
            }
        }
    }

    /// Removes a socket from the count, whether it was accepted or not. If it was the user's last connection, returns a departure: call
    /// [`OnlineUsers::expire`] when its grace period ends.
    pub fn disconnect(&self, user: &UserId, connection: ConnectionId) -> Option<DepartureId> {
        let mut state = self.lock();
        let OnlineState { users, last_departure } = &mut *state;
        let presence = users.get_mut(user)?;
        let is_closed = presence.leave(connection);
        if let Some(nodes) = self.on_nodes.as_ref().filter(|_| is_closed) {
            nodes.connection_closed(user, connection);
        }
        if !presence.counts.is_zero() {
            return None;
        }
        presence.departure = last_departure.next();
        Some(presence.departure)
    }

    /// Ends the grace period of a departure. If the user has had no connection since, not even a short one, the user goes offline, and
    /// `send_offline` sends the event.
    pub fn expire(&self, user: &UserId, departure: DepartureId, send_offline: impl FnOnce()) {
        let users = &mut self.lock().users;
        let is_offline = users.get(user).is_some_and(|presence| presence.counts.is_zero() && presence.departure == departure);
        if is_offline {
            users.remove(user);
            // Frees the memory after very many users were online.
            if users.capacity() > 1024 && users.len() < users.capacity() / 4 {
                users.shrink_to_fit();
            }
            send_offline();
        }
    }

    /// Whether a user is online. A user within the grace period is.
    pub fn is_online(&self, user: &UserId) -> bool {
        if let Some(nodes) = &self.on_nodes {
            return nodes.connection_of(user).is_some();
        }
        self.lock().users.contains_key(user)
    }

    /// The online users among `users`, in their order, each with the id of the oldest connection. Within the grace period it is the id of
    /// the last one.
    pub fn online_among(&self, users: &[UserId]) -> Vec<(UserId, String)> {
        if let Some(nodes) = &self.on_nodes {
            return users.iter().filter_map(|user| Some((user.clone(), nodes.connection_of(user)?))).collect();
        }
        let state = self.lock();
        users.iter().filter_map(|user| Some((user.clone(), state.users.get(user)?.known_by()))).collect()
    }

    /// At most `limit` users with a connection to this node whose ids contain `part` and come after `after`, in the order of their ids. It visits
    /// each user, so it is for operators.
    pub fn page(&self, part: &str, after: &str, limit: usize) -> Vec<OnlineUser> {
        let state = self.lock();
        let is_listed = |user: &UserId| user.as_str() > after && user.as_str().contains(part);
        let mut users: Vec<_> = state.users.iter().filter(|(user, _)| is_listed(user)).collect();
        if limit < users.len() {
            users.select_nth_unstable_by_key(limit, |(user, _)| *user);
            users.truncate(limit);
        }
        users.sort_unstable_by_key(|(user, _)| *user);
        users.into_iter().map(|(user, presence)| OnlineUser { user: user.clone(), connections: presence.counts }).collect()
    }

    /// The number of users who are online.
    pub fn count(&self) -> usize {
        self.on_nodes.as_ref().map_or_else(|| self.lock().users.len(), |nodes| nodes.count())
    }

    fn lock(&self) -> MutexGuard<'_, OnlineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socketio(number: u64) -> ConnectionId {
        ConnectionId::new(number, Transport::SocketIo)
    }

    #[test]
    fn pages_list_each_user_once_in_the_order_of_ids() {
        let online = OnlineUsers::default();
        for (number, user) in ["dora", "anna", "carl", "berta", "bert"].into_iter().enumerate() {
            online.connect(&UserId::new(user), socketio(number as u64), None, None, || {}).unwrap();
        }
        let page = |part, after| -> Vec<String> {
            online.page(part, after, 2).into_iter().map(|listed| listed.user.as_str().to_owned()).collect()
        };
        assert_eq!([page("", ""), page("", "bert"), page("", "carl")], [vec!["anna", "bert"], vec!["berta", "carl"], vec!["dora"]]);
        assert_eq!([page("bert", ""), page("bert", "berta"), page("x", "")], [vec!["bert", "berta"], vec![], vec![]]);
        assert_eq!(online.page("carl", "", 2)[0].connections, ConnectionCounts { socketio: 1, raw: 0 });
    }

    fn raw(number: u64) -> ConnectionId {
        ConnectionId::new(number, Transport::Raw)
    }

    fn id(name: &str) -> Id {
        Id::parse(&format!("{name:_<20}")).expect("twenty letters are an id")
    }

    /// Whether the user comes online with this connection.
    fn connect(users: &OnlineUsers, user: &UserId, connection: ConnectionId, most: Option<u32>) -> Result<bool, u32> {
        let mut is_first = false;
        users.connect(user, connection, None, most, || is_first = true).map(|()| is_first)
    }

    /// Whether the user goes offline when the grace period ends.
    fn expire(users: &OnlineUsers, user: &UserId, departure: DepartureId) -> bool {
        let mut is_offline = false;
        users.expire(user, departure, || is_offline = true);
        is_offline
    }

    #[test]
    fn a_page_reload_sends_no_events() {
        let (users, anna) = (OnlineUsers::default(), UserId::new("anna"));
        assert_eq!(connect(&users, &anna, socketio(1), None), Ok(true));
        let departure = users.disconnect(&anna, socketio(1)).expect("it was the last connection");
        assert!(users.is_online(&anna), "within the grace period");
        assert_eq!(connect(&users, &anna, raw(2), None), Ok(false), "no event is sent");
        assert!(!expire(&users, &anna, departure), "the second connection is open");
        let departure = users.disconnect(&anna, raw(2)).expect("it was the last connection");
        assert!(expire(&users, &anna, departure));
        assert!(!expire(&users, &anna, departure), "the event is sent once");
        assert_eq!(users.count(), 0);
    }

    #[test]
    fn an_older_departure_does_not_cut_a_grace_short() {
        let (users, anna) = (OnlineUsers::default(), UserId::new("anna"));
        let departure = || {
            connect(&users, &anna, socketio(1), None).unwrap();
            users.disconnect(&anna, socketio(1)).expect("it was the last connection")
        };
        let (first, second) = (departure(), departure());
        assert!(!expire(&users, &anna, first), "the user has returned and left again");
        assert!(users.is_online(&anna));
        assert!(expire(&users, &anna, second));
        let third = departure();
        assert!(!expire(&users, &anna, second), "the departure belongs to an earlier presence");
        assert!(expire(&users, &anna, third));
    }

    #[test]
    fn the_last_event_is_true_with_several_shards() {
        let (users, anna, sent) = (OnlineUsers::default(), UserId::new("anna"), Mutex::new(Vec::new()));
        let send = |online| sent.lock().unwrap().push(online);
        let connect_and_disconnect = |connection| {
            for _ in 0..10_000 {
                users.connect(&anna, connection, None, None, || send(true)).unwrap();
                if let Some(departure) = users.disconnect(&anna, connection) {
                    users.expire(&anna, departure, || send(false));
                }
            }
        };
        std::thread::scope(|scope| [1, 2, 3, 4].map(|number| scope.spawn(move || connect_and_disconnect(socketio(number)))).map(drop));
        let sent = sent.into_inner().unwrap();
        assert!(sent.iter().enumerate().all(|(i, online)| *online == (i % 2 == 0)), "online and offline alternate");
        assert_eq!(sent.last(), Some(&false));
    }

    #[test]
    fn each_transport_has_its_own_limit() {
        let (users, ben) = (OnlineUsers::default(), UserId::new("ben"));
        assert_eq!(connect(&users, &ben, raw(1), Some(1)), Ok(true));
        assert_eq!(connect(&users, &ben, raw(2), Some(1)), Err(1));
        assert_eq!(connect(&users, &ben, socketio(3), Some(1)), Ok(false));
        users.disconnect(&ben, raw(1));
        assert_eq!(connect(&users, &ben, raw(4), Some(1)), Ok(false));
    }

    #[test]
    fn a_connection_counts_once_however_many_sockets_it_has() {
        let (users, anna, ben) = (OnlineUsers::default(), UserId::new("anna"), UserId::new("ben"));
        for is_first in [true, false, false] {
            assert_eq!(connect(&users, &anna, socketio(7), Some(2)), Ok(is_first));
        }
        assert_eq!(connect(&users, &ben, socketio(7), Some(1)), Ok(true), "another user on the connection has a count of their own");
        assert_eq!(connect(&users, &anna, socketio(6), Some(2)), Ok(false));
        assert_eq!(connect(&users, &anna, socketio(8), Some(2)), Err(2));
        assert_eq!(connect(&users, &anna, socketio(7), Some(2)), Ok(false), "the connection is counted already");
        for _ in 0..3 {
            assert_eq!(users.disconnect(&anna, socketio(7)), None);
            assert_eq!(connect(&users, &anna, socketio(8), Some(2)), Err(2), "one of its sockets is still open");
        }
        assert_eq!(users.disconnect(&anna, socketio(7)), None);
        assert_eq!(connect(&users, &anna, socketio(8), Some(2)), Ok(false));
        assert_eq!(users.disconnect(&anna, socketio(6)), None);
        let departure = users.disconnect(&anna, socketio(8)).expect("it was the last connection");
        assert!(expire(&users, &anna, departure));
        assert_eq!(users.count(), 1, "only ben");
    }

    #[test]
    fn a_user_is_shown_with_an_open_connection() {
        let (users, anna) = (OnlineUsers::default(), UserId::new("anna"));
        let connect = |number, name| users.connect(&anna, socketio(number), Some(id(name)), None, || {}).unwrap();
        let known = || users.online_among(&[UserId::new("ben"), anna.clone()]);
        connect(1, "laptop");
        connect(1, "laptop_another");
        assert_eq!(known(), [(anna.clone(), id("laptop").text())]);
        connect(2, "phone");
        assert_eq!(known(), [(anna.clone(), id("laptop").text())]);
        users.disconnect(&anna, socketio(1));
        assert_eq!(known(), [(anna.clone(), id("laptop").text())], "one of its sockets is still open");
        users.disconnect(&anna, socketio(1));
        assert_eq!(known(), [(anna.clone(), id("phone").text())]);
        let departure = users.disconnect(&anna, socketio(2)).expect("it was the last connection");
        assert_eq!(known(), [(anna.clone(), id("phone").text())], "within the grace period");
        connect(3, "phone_again");
        assert_eq!(known(), [(anna.clone(), id("phone_again").text())]);
        assert!(!expire(&users, &anna, departure));
    }

    #[test]
    fn users_from_before_a_start_are_online() {
        let (users, anna, ben) = (OnlineUsers::default(), UserId::new("anna"), UserId::new("ben"));
        let known = |user: &UserId| users.online_among(std::slice::from_ref(user)).pop().map(|(_, id)| id);
        let departures = [&anna, &ben].map(|user| users.expect(user, Some(id("before"))));
        assert_eq!(known(&anna), Some(id("before").text()));
        assert_eq!(connect(&users, &anna, socketio(1), Some(1)), Ok(false), "no event is sent");
        assert_eq!(known(&anna).as_deref(), Some(""));
        assert_eq!([&anna, &ben].map(|user| expire(&users, user, departures[usize::from(user == &ben)])), [false, true]);
    }

    #[test]
    fn a_resumed_connection_is_shown_with_its_old_id() {
        let (users, anna) = (OnlineUsers::default(), UserId::new("anna"));
        users.connect(&anna, socketio(1), Some(id("new")), None, || {}).unwrap();
        users.rename(&anna, socketio(1), id("new"), id("old"));
        users.rename(&anna, socketio(1), id("new"), id("of_another_socket"));
        users.rename(&anna, socketio(2), id("old"), id("another_connection"));
        assert_eq!(users.online_among(std::slice::from_ref(&anna)), [(anna.clone(), id("old").text())]);
    }

    #[test]
    fn a_user_without_a_connection_is_offline() {
        let (users, anna) = (OnlineUsers::default(), UserId::new("anna"));
        assert_eq!(connect(&users, &anna, raw(1), Some(0)), Err(0));
        assert!(!users.is_online(&anna));
    }
}
