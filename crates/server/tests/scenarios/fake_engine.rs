//! The clients and their rooms, as plain data in place of the engine and its shards.
//! The server's own code authenticates, parses, responds and selects the receivers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use auth::{AuthError, ConnectAuth};
use axum::Router;
use contracts::{ClientAction, ClientMessage, Contract, Outcome, ParsedRequest, Reply};
use domain::command::{Actor, Command, Query};
use domain::error::DomainError;
use domain::ids::{RoomId, UserId};
use domain::sessions::{ConnectSession, ResumeRequest};
use domain::spaces::{FilterVisible, JoinRoom, JoinRoomListingMembers, JoinedRoom, ListMemberIds};
use domain::users::EnsureUser;
use engine::{MessageSource, Namespace};
use http::HeaderMap;
use realtime::presence::{ConnectionId, Transport};
use realtime::{AuthRefresh, AuthorizedConnect, ClientResume, ConnectRejection, Effect};
use serde_json::{Value, json};

use crate::schema_coverage::SCHEMA_COVERAGE;
use crate::test_app::TestApp;
use crate::test_client::{TestClient, values};

/// All clients that are or were connected.
pub struct FakeEngine {
    app: TestApp,
    clients: BTreeMap<String, TestClient>,
    /// The names of the events that the clients ignore.
    ignored_events: Rc<[String]>,
    /// The fixed time of the test.
    start: Instant,
    connections: u64,
}

impl FakeEngine {
    pub fn new(app: TestApp, ignored_events: Vec<String>) -> Self {
        assert!(!app.shared.presence.is_broadcast, "presence events need time to pass, and here it does not");
        Self { app, clients: BTreeMap::new(), ignored_events: ignored_events.into(), start: Instant::now(), connections: 0 }
    }

    /// A new connection.
    pub fn connection(&mut self, transport: Transport) -> ConnectionId {
        self.connections += 1;
        ConnectionId::new(self.connections, transport)
    }

    /// Connects a client. `auth` is the CONNECT's payload, `handshake_token` the token of its handshake. Returns the rejection, if there is one.
    pub async fn connect(
        &mut self,
        name: &str,
        connection: ConnectionId,
        namespace: Namespace,
        auth: &str,
        handshake_token: Option<&str>,
    ) -> Option<Value> {
        let shared = &self.app.shared;
        let authorized = shared
            .identify(ConnectAuth::read(auth), handshake_token)
            .and_then(|identity| shared.authorize(connection, None, identity, &ClientResume::New));
        let connected_session = match authorized {
            Ok(AuthorizedConnect { actor, claims, .. }) => {
                let connect_session = ConnectSession { claims, new_session: None, resume: ResumeRequest::New };
                match self.app.decide(actor.clone(), |context| connect_session.execute(context)).await {
                    Err(DomainError::UserDeleted) => Err(AuthError::UserDeleted),
                    connected_session => Ok((actor, connected_session.unwrap())),
                }
            }
            Err(why) => Err(why),
        };
        let client = match connected_session {
            Ok((actor, connected_session)) => {
                let (rooms, greetings) =
                    (shared.rooms_to_join(namespace, &connected_session), shared.greetings(namespace, name, &connected_session.user));
                let mut client = TestClient::new(actor, connection, namespace, self.ignored_events.clone());
                client.rooms.extend(rooms.iter().map(|(room, _)| room.as_str().to_owned()));
                greetings.iter().for_each(|greeting| client.receive(greeting));
                client
            }
            Err(why) => match ConnectRejection::of(connection.transport(), why) {
                ConnectRejection::Refused(message, data) => {
                    return Some(json!({ "message": message, "data": serde_json::from_str::<Value>(&data).unwrap() }));
                }
                ConnectRejection::Closed(code, reason) => TestClient::closed(connection, namespace, code, &reason),
            },
        };
        if let Some(before) = self.clients.insert(name.to_owned(), client) {
            assert!(!before.connected, "{name} is connected already");
            assert!(before.received.is_empty(), "before that {name} has received {:?}", before.received);
        }
        self.settle().await;
        None
    }

    /// Handles a message of a client. Returns the list of the acknowledgement's arguments, if there is one.
    pub async fn handle_message(&mut self, name: &str, received: &ClientMessage<'_>, acked: bool) -> Option<Value> {
        let client = self.connected(name);
        let (user, namespace) = (client.actor.user.clone(), client.namespace);
        let shared = self.app.shared.clone();
        let (namespace_name, reply) = match shared.parse(&user, namespace, received, acked) {
            Ok((contract, ParsedRequest { name: request, action })) => {
                let outcome = match action {
                    Ok(action) => self.execute(name, &*contract, action).await,
                    Err(error) => Err(error),
                };
                if outcome.is_ok() {
                    SCHEMA_COVERAGE.check_client_message(contract.namespace(), received);
                }
                (contract.namespace(), shared.answer(&*contract, request, &user, outcome.as_ref(), acked))
            }
            Err(unknown) => (None, unknown.reply),
        };
        if let (ClientMessage::Event { name, .. }, Some(ack)) = (received, &reply.ack) {
            SCHEMA_COVERAGE.check_ack(namespace_name, name, ack);
        }
        let ack = self.deliver_reply(name, reply);
        self.settle().await;
        ack.filter(|_| acked)
    }

    /// Runs the action of a client. The events that it causes are delivered when everything has settled, so after the acknowledgement.
    async fn execute(&mut self, name: &str, contract: &dyn Contract, ask: ClientAction) -> Result<Outcome, DomainError> {
        let actor = self.connected(name).actor.clone();
        match ask {
            ClientAction::Ping => Ok(Outcome::Pong),
            ClientAction::Typing(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let user = self.app.decide(actor, |context| command.execute(context)).await?.user.id;
                self.app.shared.start_typing(&room, &user, name, self.start);
                Ok(Outcome::Noted)
            }
            ClientAction::StopTyping(room) => {
                self.stop_typing(name, &room);
                Ok(Outcome::Noted)
            }
            ClientAction::Statuses(users) => {
                let query = FilterVisible { users: users.clone(), contacts_only: !self.app.shared.presence.is_public };
                let visible = self.app.decide(actor, |context| query.execute(context.store, context.actor)).await?;
                Ok(self.app.shared.statuses(users, &visible))
            }
            ClientAction::OnlineIn(room) => {
                let command = ListMemberIds { room: room.clone(), contacts_only: !self.app.shared.presence.is_public };
                let members = self.app.decide(actor, |context| command.execute(context)).await?;
                Ok(self.app.shared.online_of(&room, members))
            }
            ClientAction::Execute(command) => {
                let user = actor.user.clone();
                let result = self.app.decide(actor, |context| command.execute(context)).await?;
                if let Some(call) = result.call().filter(|call| call.is_open() && call.has(&user)) {
                    self.app.shared.presence.call_participants.join(call.id, &user, name);
                }
                Ok(Outcome::Executed(result))
            }
            ClientAction::Refresh(token) => match self.app.shared.verify_refresh(&actor.user, &token) {
                Err(why) => Ok(Outcome::Refreshed(Err(why))),
                Ok(AuthRefresh { actor, claims, ends }) => {
                    self.app.decide(actor.clone(), |context| EnsureUser { claims }.execute(context)).await?;
                    self.client(name).actor = actor;
                    Ok(Outcome::Refreshed(Ok(ends)))
                }
            },
            ClientAction::Leave(room) => {
                self.leave_room(name, &room, false);
                Ok(Outcome::Left(room))
            }
            ClientAction::Move(room) => {
                let command = JoinRoomListingMembers {
                    room: room.clone(),
                    session: None,
                    since: false,
                    contacts_only: !self.app.shared.presence.is_public,
                };
                let (JoinedRoom { user, inside, .. }, members) = self.app.decide(actor, |context| command.execute(context)).await?;
                let rooms = self.connected(name).rooms.iter().filter_map(|room| RoomId::parse(room));
                let others: Vec<RoomId> = rooms.filter(|other| other.kind() == room.kind() && *other != room).collect();
                for other in others {
                    self.leave_room(name, &other, false);
                }
                self.app.shared.presence.call_participants.resume(&room, &user.id, name);
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.app.shared.join_presence(room.clone(), user, inside);
                }
                Ok(Outcome::Moved { online: self.app.shared.online_among(&room, members), room })
            }
            ClientAction::Enter(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let JoinedRoom { user, inside, .. } = self.app.decide(actor, |context| command.execute(context)).await?;
                let entered = self.app.shared.joined_outcome(contract, &room, Some(&user));
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.app.shared.join_presence(room, user, inside);
                }
                Ok(entered)
            }
        }
    }

    fn deliver_reply(&mut self, name: &str, reply: Reply) -> Option<Value> {
        let client = self.connected(name);
        reply.messages.iter().for_each(|message| client.receive(message));
        if let Some((code, reason)) = reply.close {
            client.close(code, reason);
            self.disconnect_client(name);
        }
        reply.ack.as_deref().map(values)
    }

    /// A client closes its connection.
    pub async fn leave(&mut self, name: &str) {
        self.connected(name).connected = false;
        self.disconnect_client(name);
        self.settle().await;
    }

    /// Ends a connection. No event is sent, because the grace period does not end.
    fn disconnect_client(&mut self, name: &str) {
        let client = self.client(name);
        let (rooms, user, connection) = (std::mem::take(&mut client.rooms), client.actor.user.clone(), client.connection);
        self.app.shared.stop_typing_everywhere(&user, name);
        self.app.shared.presence.call_participants.disconnect(&user, name);
        for room in rooms.iter().filter_map(|room| RoomId::parse(room)) {
            self.app.shared.presence.room_presence.leave(&room, &user);
        }
        self.app.shared.presence.online_users.disconnect(&user, connection);
    }

    fn stop_typing(&mut self, name: &str, room: &RoomId) {
        let user = self.client(name).actor.user.clone();
        self.app.shared.stop_typing(room, &user, name);
    }

    fn leave_room(&mut self, name: &str, room: &RoomId, removed: bool) {
        self.stop_typing(name, room);
        let client = self.client(name);
        let user = client.actor.user.clone();
        if client.rooms.remove(room.as_str())
            && let Some(departure) = self.app.shared.presence.room_presence.leave(room, &user)
        {
            self.app.shared.publish_left(room.clone(), user, departure, removed);
        }
    }

    /// Delivers events until there are no more.
    pub async fn settle(&mut self) {
        let fanout = Arc::clone(&self.app.shared.delivery.fanout);
        loop {
            let notices = self.app.take_notices().await;
            if notices.is_empty() {
                return;
            }
            for effect in notices.into_iter().flat_map(|notice| fanout.effects(notice)) {
                self.apply(effect);
            }
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Join(room, user) => {
                for name in self.clients_of(&user) {
                    let namespace = self.client(&name).namespace;
                    if self.app.shared.contracts.auto_join(namespace, &room) {
                        self.client(&name).rooms.insert(room.as_str().to_owned());
                    }
                }
            }
            Effect::Send(rooms, rendered) => {
                for client in self.clients.values_mut() {
                    if rooms.iter().any(|room| client.rooms.contains(room.as_str())) {
                        rendered.render(client.namespace).iter().for_each(|message| client.receive(message));
                    }
                }
            }
            Effect::SendExcept(rooms, users, rendered) => {
                let inboxes: Vec<RoomId> = users.iter().map(RoomId::inbox).collect();
                let others = self.clients.values_mut().filter(|client| !inboxes.iter().any(|inbox| client.rooms.contains(inbox.as_str())));
                for client in others.filter(|client| rooms.iter().any(|room| client.rooms.contains(room.as_str()))) {
                    rendered.render(client.namespace).iter().for_each(|message| client.receive(message));
                }
            }
            Effect::SendToOthers(room, user, rendered) => {
                let inbox = RoomId::inbox(&user);
                let others = self.clients.values_mut().filter(|client| !client.rooms.contains(inbox.as_str()));
                for client in others.filter(|client| client.rooms.contains(room.as_str())) {
                    rendered.render(client.namespace).iter().for_each(|message| client.receive(message));
                }
            }
            Effect::Emit { custom_event, rendered, .. } => {
                let everyone = custom_event.rooms.contains(&RoomId::everyone());
                // Here the id of a connection is the name of its client.
                let clients = self.clients.iter_mut().filter(|(name, _)| !custom_event.except_connections.contains(name));
                for client in clients.map(|(_, client)| client).filter(|client| client.connected) {
                    let is_in = |room: &RoomId| client.rooms.contains(room.as_str());
                    if (everyone || custom_event.rooms.iter().any(is_in)) && !custom_event.except.iter().any(is_in) {
                        rendered.render(client.namespace).iter().for_each(|message| client.receive_custom(message));
                    }
                }
            }
            Effect::Disconnect { users, connections, reason } => {
                let named = connections.into_iter().filter(|name| self.clients.get(name).is_some_and(|client| client.connected));
                let expelled: BTreeSet<_> = users.iter().flat_map(|user| self.clients_of(user)).chain(named).collect();
                for name in expelled {
                    self.client(&name).close(4403, &reason);
                    self.disconnect_client(&name);
                }
            }
            Effect::Leave(room, users) => {
                for user in users {
                    for name in self.clients_of(&user) {
                        self.stop_typing(&name, &room);
                        let joined: Vec<RoomId> = self.client(&name).rooms.iter().filter_map(|room| RoomId::parse(room)).collect();
                        for joined in joined {
                            if joined == room || self.app.shared.presence.room_presence.is_inside(&joined, &user, &room) {
                                self.leave_room(&name, &joined, true);
                            }
                        }
                    }
                    self.app.shared.remove_member_presence(&room, &user);
                }
            }
            Effect::BeginCall(call, room) => self.app.shared.presence.call_participants.open(call, &room),
            Effect::EndCall(call, room) => self.app.shared.presence.call_participants.clear(call, &room),
            Effect::SendToEveryone(rendered) => {
                for client in self.clients.values_mut().filter(|client| client.connected) {
                    for message in rendered.render(client.namespace) {
                        // An admin may choose an event name that no contract has.
                        match SCHEMA_COVERAGE.has_event(client.namespace, &message) {
                            true => client.receive(&message),
                            false => client.receive_custom(&message),
                        }
                    }
                }
            }
            Effect::CollectPresence(ephemeral) => panic!("no effect is expected of {ephemeral:?}"),
        }
    }

    /// The connected clients of a user.
    fn clients_of(&self, user: &UserId) -> Vec<String> {
        let inbox = RoomId::inbox(user);
        let present = self.clients.iter().filter(|(_, client)| client.rooms.contains(inbox.as_str()));
        present.map(|(name, _)| name.clone()).collect()
    }

    /// The router of REST.
    pub fn router(&self) -> Router {
        self.app.router.clone()
    }

    /// The token that the server keeps of a handshake with this token in its query.
    pub fn handshake_token(&self, token: &str) -> Option<String> {
        self.app.shared.tokens.authenticator.handshake_token(&HeaderMap::new(), Some(&format!("token={token}")))
    }

    /// Adds a client of a user without rooms, on the transport of another client and without a handshake. Presence does not count it.
    pub fn add_beside(&mut self, name: &str, other: &str) {
        let TestClient { connection, namespace, .. } = *self.client(other);
        let actor = Actor { user: UserId::new(name), admin: false };
        self.clients.insert(name.to_owned(), TestClient::new(actor, connection, namespace, self.ignored_events.clone()));
    }

    /// Removes a client. Returns the messages that it has received.
    pub fn remove_client(&mut self, name: &str) -> VecDeque<Value> {
        self.clients.remove(name).map_or_else(VecDeque::new, |client| client.received)
    }

    /// The number of messages of each client that no step has consumed.
    pub fn unread(&self) -> Vec<usize> {
        self.clients.values().map(|client| client.received.len()).collect()
    }

    /// A client, connected or not.
    pub fn client(&mut self, name: &str) -> &mut TestClient {
        self.clients.get_mut(name).unwrap_or_else(|| panic!("{name} has not been connected"))
    }

    pub fn clients(&self) -> impl Iterator<Item = (&String, &TestClient)> {
        self.clients.iter()
    }

    fn connected(&mut self, name: &str) -> &mut TestClient {
        let client = self.client(name);
        assert!(client.connected, "{name} is not connected");
        client
    }
}
