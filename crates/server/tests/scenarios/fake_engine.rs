//! The devices in their rooms: what the engine does with connections and the program on its shards with the engine, done with plain data.
//! Who is let in, what is understood, answered and told, and who hears it is asked of the product.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use domain::command::{Actor, Command, Query};
use domain::error::DomainError;
use domain::ids::{RoomId, UserId};
use domain::sessions::{ConnectSession, ResumeRequest};
use domain::spaces::{FilterVisible, JoinRoom, JoinRoomListingMembers, JoinedRoom, ListMemberIds};
use domain::users::EnsureUser;
use engine::{MessageSource, Namespace, OutboundMessage};
use http::HeaderMap;
use serde_json::{Value, json};
use server::auth::{AuthError, ConnectAuth};
use server::contracts::{ClientAction, ClientMessage, Contract, Outcome, ParsedRequest, Reply};
use server::presence::{Connection, Transport};
use server::realtime::{AuthRefresh, AuthorizedConnect, ConnectRejection, Effect};

use crate::schema_coverage::SCHEMA_COVERAGE;
use crate::test_app::TestApp;
use crate::test_client::{TestClient, values};

/// Everybody who is connected, or was.
pub struct FakeEngine {
    house: TestApp,
    devices: BTreeMap<String, TestClient>,
    /// Whether the trip contract's greeting, which everybody hears in `/`, is a step.
    greets: bool,
    /// Time stands still here.
    start: Instant,
    connections: u64,
}

impl FakeEngine {
    pub fn new(house: TestApp, greets: bool) -> Self {
        assert!(!house.shared.presence.is_broadcast, "who is online is told when time has passed, and here it does not");
        Self { house, devices: BTreeMap::new(), greets, start: Instant::now(), connections: 0 }
    }

    /// A new connection.
    pub fn connection(&mut self, transport: Transport) -> Connection {
        self.connections += 1;
        Connection::new(self.connections, transport)
    }

    /// A device asks to be connected. `auth` is the CONNECT's payload, `kept` the token of its handshake. The answer is its refusal.
    pub async fn connect(
        &mut self,
        name: &str,
        connection: Connection,
        namespace: Namespace,
        auth: &str,
        kept: Option<&str>,
    ) -> Option<Value> {
        let shared = &self.house.shared;
        let entrant = shared.identify(ConnectAuth::read(auth), kept).and_then(|identity| shared.authorize(connection, None, identity));
        let arrived = match entrant {
            Ok(AuthorizedConnect { actor, claims, .. }) => {
                let arrive = ConnectSession { claims, new_session: None, resume: ResumeRequest::New };
                match self.house.decide(actor.clone(), |context| arrive.execute(context)).await {
                    Err(DomainError::UserDeleted) => Err(AuthError::UserDeleted),
                    arrived => Ok((actor, arrived.unwrap())),
                }
            }
            Err(why) => Err(why),
        };
        let device = match arrived {
            Ok((actor, arrived)) => {
                let (rooms, greetings) = (shared.rooms_to_join(namespace, &arrived), shared.greetings(namespace, name, &arrived.user));
                let mut device = TestClient::new(actor, connection, namespace);
                device.rooms.extend(rooms.iter().map(|(room, _)| room.as_str().to_owned()));
                greetings.iter().filter(|greeting| self.greets || !is_trips_greeting(greeting)).for_each(|greeting| device.hear(greeting));
                device
            }
            Err(why) => match ConnectRejection::of(connection.transport(), why) {
                ConnectRejection::Refused(message, data) => {
                    return Some(json!({ "message": message, "data": serde_json::from_str::<Value>(&data).unwrap() }));
                }
                ConnectRejection::Closed(code, reason) => TestClient::closed(connection, namespace, code, &reason),
            },
        };
        if let Some(before) = self.devices.insert(name.to_owned(), device) {
            assert!(!before.connected, "{name} is connected already");
            assert!(before.heard.is_empty(), "before that {name} has heard {:?}", before.heard);
        }
        self.settle().await;
        None
    }

    /// A device says something. The answer is the list of the acknowledgement's arguments, if there is one.
    pub async fn hear(&mut self, name: &str, heard: &ClientMessage<'_>, acked: bool) -> Option<Value> {
        let device = self.connected(name);
        let (user, namespace) = (device.actor.user.clone(), device.namespace);
        let shared = self.house.shared.clone();
        let (spoken_in, reply) = match shared.parse(&user, namespace, heard, acked) {
            Ok((contract, ParsedRequest { name: request, ask })) => {
                let outcome = match ask {
                    Ok(ask) => self.perform(name, &*contract, ask).await,
                    Err(error) => Err(error),
                };
                if outcome.is_ok() {
                    SCHEMA_COVERAGE.check_understood(contract.namespace(), heard);
                }
                (contract.namespace(), shared.answer(&*contract, request, &user, outcome.as_ref(), acked))
            }
            Err(unknown) => (None, unknown.reply),
        };
        if let (ClientMessage::Event { name, .. }, Some(ack)) = (heard, &reply.ack) {
            SCHEMA_COVERAGE.check_ack(spoken_in, name, ack);
        }
        let ack = self.give(name, reply);
        self.settle().await;
        ack.filter(|_| acked)
    }

    /// What is told of it is heard when everything has settled, so behind the answer.
    async fn perform(&mut self, name: &str, contract: &dyn Contract, ask: ClientAction) -> Result<Outcome, DomainError> {
        let actor = self.connected(name).actor.clone();
        match ask {
            ClientAction::Ping => Ok(Outcome::Pong),
            ClientAction::Typing(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let user = self.house.decide(actor, |context| command.execute(context)).await?.user.id;
                self.house.shared.start_typing(&room, &user, name, self.start);
                Ok(Outcome::Noted)
            }
            ClientAction::StopTyping(room) => {
                self.stop_typing(name, &room);
                Ok(Outcome::Noted)
            }
            ClientAction::Statuses(users) => {
                let query = FilterVisible { users: users.clone(), contacts_only: !self.house.shared.presence.is_public };
                let visible = self.house.decide(actor, |context| query.execute(context.store, context.actor)).await?;
                Ok(self.house.shared.statuses(users, &visible))
            }
            ClientAction::OnlineIn(room) => {
                let command = ListMemberIds { room: room.clone(), contacts_only: !self.house.shared.presence.is_public };
                let members = self.house.decide(actor, |context| command.execute(context)).await?;
                Ok(self.house.shared.online_of(&room, members))
            }
            ClientAction::Execute(command) => {
                let user = actor.user.clone();
                let result = self.house.decide(actor, |context| command.execute(context)).await?;
                if let Some(call) = result.call().filter(|call| call.is_open() && call.has(&user)) {
                    self.house.shared.presence.call_participants.join(call.id, &call.room, &user, name);
                }
                Ok(Outcome::Executed(result))
            }
            ClientAction::Refresh(token) => match self.house.shared.verify_refresh(&actor.user, &token) {
                Err(why) => Ok(Outcome::Refreshed(Err(why))),
                Ok(AuthRefresh { actor, claims, ends }) => {
                    self.house.decide(actor.clone(), |context| EnsureUser { claims }.execute(context)).await?;
                    self.device(name).actor = actor;
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
                    contacts_only: !self.house.shared.presence.is_public,
                };
                let (JoinedRoom { user, inside, .. }, members) = self.house.decide(actor, |context| command.execute(context)).await?;
                let rooms = self.connected(name).rooms.iter().filter_map(|room| RoomId::parse(room));
                let others: Vec<RoomId> = rooms.filter(|other| other.kind() == room.kind() && *other != room).collect();
                for other in others {
                    self.leave_room(name, &other, false);
                }
                self.house.shared.presence.call_participants.resume(&room, &user.id, name);
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.house.shared.join_presence(room.clone(), user, inside);
                }
                Ok(Outcome::Moved { online: self.house.shared.online_among(&room, members), room })
            }
            ClientAction::Enter(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let JoinedRoom { user, inside, .. } = self.house.decide(actor, |context| command.execute(context)).await?;
                let entered = self.house.shared.joined_outcome(contract, &room, Some(&user));
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.house.shared.join_presence(room, user, inside);
                }
                Ok(entered)
            }
        }
    }

    fn give(&mut self, name: &str, reply: Reply) -> Option<Value> {
        let device = self.connected(name);
        reply.say.iter().for_each(|message| device.hear(message));
        if let Some((code, reason)) = reply.close {
            device.close(code, reason);
            self.depart(name);
        }
        reply.ack.as_deref().map(values)
    }

    /// A device closes its connection.
    pub async fn leave(&mut self, name: &str) {
        self.connected(name).connected = false;
        self.depart(name);
        self.settle().await;
    }

    /// A connection has ended. Nobody is told: the grace is not over.
    fn depart(&mut self, name: &str) {
        let device = self.device(name);
        let (rooms, user, connection) = (std::mem::take(&mut device.rooms), device.actor.user.clone(), device.connection);
        self.house.shared.stop_typing_everywhere(&user, name);
        self.house.shared.presence.call_participants.disconnect(&user, name);
        for room in rooms.iter().filter_map(|room| RoomId::parse(room)) {
            self.house.shared.presence.room_presence.leave(&room, &user);
        }
        self.house.shared.presence.online_users.disconnect(&user, connection);
    }

    fn stop_typing(&mut self, name: &str, room: &RoomId) {
        let user = self.device(name).actor.user.clone();
        self.house.shared.stop_typing(room, &user, name);
    }

    fn leave_room(&mut self, name: &str, room: &RoomId, removed: bool) {
        self.stop_typing(name, room);
        let device = self.device(name);
        let user = device.actor.user.clone();
        if device.rooms.remove(room.as_str())
            && let Some(departure) = self.house.shared.presence.room_presence.leave(room, &user)
        {
            self.house.shared.publish_left(room.clone(), user, departure, removed);
        }
    }

    /// Until nothing more happens, everybody hears what has.
    pub async fn settle(&mut self) {
        let fanout = Arc::clone(&self.house.shared.delivery.fanout);
        loop {
            let notices = self.house.notices().await;
            if notices.is_empty() {
                return;
            }
            for effect in notices.into_iter().flat_map(|notice| fanout.effects(notice)) {
                self.take(effect);
            }
        }
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Join(room, user) => {
                for name in self.devices_of(&user) {
                    let namespace = self.device(&name).namespace;
                    if self.house.shared.contracts.auto_join(namespace, &room) {
                        self.device(&name).rooms.insert(room.as_str().to_owned());
                    }
                }
            }
            Effect::Tell(rooms, said) => {
                for device in self.devices.values_mut() {
                    if rooms.iter().any(|room| device.rooms.contains(room.as_str())) {
                        said.render(device.namespace).iter().for_each(|message| device.hear(message));
                    }
                }
            }
            Effect::TellExcept(rooms, users, said) => {
                let inboxes: Vec<RoomId> = users.iter().map(RoomId::inbox).collect();
                let others = self.devices.values_mut().filter(|device| !inboxes.iter().any(|inbox| device.rooms.contains(inbox.as_str())));
                for device in others.filter(|device| rooms.iter().any(|room| device.rooms.contains(room.as_str()))) {
                    said.render(device.namespace).iter().for_each(|message| device.hear(message));
                }
            }
            Effect::TellOthers(room, user, said) => {
                let inbox = RoomId::inbox(&user);
                let others = self.devices.values_mut().filter(|device| !device.rooms.contains(inbox.as_str()));
                for device in others.filter(|device| device.rooms.contains(room.as_str())) {
                    said.render(device.namespace).iter().for_each(|message| device.hear(message));
                }
            }
            Effect::Emit { custom_event, said, .. } => {
                let everyone = custom_event.rooms.contains(&RoomId::everyone());
                // A connection's id is its device's name here.
                let devices = self.devices.iter_mut().filter(|(name, _)| !custom_event.except_connections.contains(name));
                for device in devices.map(|(_, device)| device).filter(|device| device.connected) {
                    let is_in = |room: &RoomId| device.rooms.contains(room.as_str());
                    if (everyone || custom_event.rooms.iter().any(is_in)) && !custom_event.except.iter().any(is_in) {
                        said.render(device.namespace).iter().for_each(|message| device.hear_whatever(message));
                    }
                }
            }
            Effect::Expel { users, connections, reason } => {
                let named = connections.into_iter().filter(|name| self.devices.get(name).is_some_and(|device| device.connected));
                let expelled: BTreeSet<_> = users.iter().flat_map(|user| self.devices_of(user)).chain(named).collect();
                for name in expelled {
                    self.device(&name).close(4403, &reason);
                    self.depart(&name);
                }
            }
            Effect::Leave(room, users) => {
                for user in users {
                    for name in self.devices_of(&user) {
                        self.stop_typing(&name, &room);
                        let heard: Vec<RoomId> = self.device(&name).rooms.iter().filter_map(|room| RoomId::parse(room)).collect();
                        for heard in heard {
                            if heard == room || self.house.shared.presence.room_presence.is_inside(&heard, &user, &room) {
                                self.leave_room(&name, &heard, true);
                            }
                        }
                    }
                    self.house.shared.remove_member_presence(&room, &user);
                }
            }
            Effect::Ring(_) => {}
            Effect::HangUp(call) => self.house.shared.presence.call_participants.clear(call),
            Effect::TellEveryone(said) => {
                for device in self.devices.values_mut().filter(|device| device.connected) {
                    for message in said.render(device.namespace) {
                        // An admin may choose a name, and where no contract has a word for it another one's is said.
                        match SCHEMA_COVERAGE.knows(device.namespace, &message) {
                            true => device.hear(&message),
                            false => device.hear_whatever(&message),
                        }
                    }
                }
            }
            Effect::Gather(ephemeral) => panic!("nobody is told of {ephemeral:?}"),
        }
    }

    /// A person's devices that are connected.
    fn devices_of(&self, user: &UserId) -> Vec<String> {
        let inbox = RoomId::inbox(user);
        let present = self.devices.iter().filter(|(_, device)| device.rooms.contains(inbox.as_str()));
        present.map(|(name, _)| name.clone()).collect()
    }

    /// What answers REST.
    pub fn router(&self) -> Router {
        self.house.router.clone()
    }

    /// What is kept of a handshake with this token in its query.
    pub fn kept_token(&self, token: &str) -> Option<String> {
        self.house.shared.tokens.authenticator.handshake_token(&HeaderMap::new(), Some(&format!("token={token}")))
    }

    /// Puts a device of somebody who is in nothing beside another, without a handshake: it counts nowhere.
    pub fn put_beside(&mut self, name: &str, other: &str) {
        let TestClient { connection, namespace, .. } = *self.device(other);
        let actor = Actor { user: UserId::new(name), admin: false };
        self.devices.insert(name.to_owned(), TestClient::new(actor, connection, namespace));
    }

    /// Takes it away. The answer is what it has heard.
    pub fn take_away(&mut self, name: &str) -> VecDeque<Value> {
        self.devices.remove(name).map_or_else(VecDeque::new, |device| device.heard)
    }

    /// How much each device has heard that no step has asked for.
    pub fn unasked(&self) -> Vec<usize> {
        self.devices.values().map(|device| device.heard.len()).collect()
    }

    /// A device, whether it is still connected or not.
    pub fn device(&mut self, name: &str) -> &mut TestClient {
        self.devices.get_mut(name).unwrap_or_else(|| panic!("{name} has not been connected"))
    }

    pub fn devices(&self) -> impl Iterator<Item = (&String, &TestClient)> {
        self.devices.iter()
    }

    fn connected(&mut self, name: &str) -> &mut TestClient {
        let device = self.device(name);
        assert!(device.connected, "{name} is not connected");
        device
    }
}

fn is_trips_greeting(greeting: &OutboundMessage) -> bool {
    matches!(greeting, OutboundMessage::Event { name, .. } if name == "connected")
}
