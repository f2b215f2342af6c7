//! The devices in their rooms: what the engine does with connections and the program on its shards with the engine, done with plain data.
//! Who is let in, what is understood, answered and told, and who hears it is asked of the product.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use domain::ids::{UserId, RoomId};
use domain::command::{Actor, Command, Query};
use domain::users::EnsureUser;
use domain::error::DomainError;
use domain::sessions::{ConnectSession, ResumeRequest};
use domain::spaces::{JoinRoomListingMembers, JoinRoom, JoinedRoom, ListMemberIds, FilterVisible};
use engine::{Namespace, MessageSource, OutboundMessage};
use http::HeaderMap;
use serde_json::{Value, json};
use server::auth::{ConnectAuth, AuthError};
use server::contracts::{ClientAction, Contract, ClientMessage, Outcome, Reply, ParsedRequest};
use server::realtime::{Effect, AuthorizedConnect, AuthRefresh, ConnectRejection};
use server::presence::{Connection, Transport};

use crate::device::{Device, values};
use crate::house::House;
use crate::lexicon::LEXICON;

/// Everybody who is connected, or was.
pub struct Floor {
    house: House,
    devices: BTreeMap<String, Device>,
    /// Whether the trip contract's greeting, which everybody hears in `/`, is a step.
    greets: bool,
    /// Time stands still here.
    start: Instant,
    connections: u64,
}

impl Floor {
    pub fn new(house: House, greets: bool) -> Self {
        assert!(!house.shared.broadcasts_presence, "who is online is told when time has passed, and here it does not");
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
                match self.house.decide(actor.clone(), |tx| arrive.execute(tx)).await {
                    Err(DomainError::UserDeleted) => Err(AuthError::UserDeleted),
                    arrived => Ok((actor, arrived.unwrap())),
                }
            }
            Err(why) => Err(why),
        };
        let device = match arrived {
            Ok((actor, arrived)) => {
                let (rooms, greetings) = (shared.rooms_to_join(namespace, &arrived), shared.greetings(namespace, name, &arrived.user));
                let mut device = Device::new(actor, connection, namespace);
                device.rooms.extend(rooms.iter().map(|(room, _)| room.as_str().to_owned()));
                greetings.iter().filter(|greeting| self.greets || !is_trips_greeting(greeting)).for_each(|greeting| device.hear(greeting));
                device
            }
            Err(why) => match ConnectRejection::of(connection.transport(), why) {
                ConnectRejection::Refused(message, data) => {
                    return Some(json!({ "message": message, "data": serde_json::from_str::<Value>(&data).unwrap() }));
                }
                ConnectRejection::Closed(code, reason) => Device::closed(connection, namespace, code, &reason),
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
        let (person, namespace) = (device.actor.person.clone(), device.namespace);
        let shared = self.house.shared.clone();
        let (spoken_in, reply) = match shared.parse(&person, namespace, heard, acked) {
            Ok((dialect, ParsedRequest { name: request, ask })) => {
                let outcome = match ask {
                    Ok(ask) => self.perform(name, &*dialect, ask).await,
                    Err(refusal) => Err(refusal),
                };
                if outcome.is_ok() {
                    LEXICON.check_understood(dialect.namespace(), heard);
                }
                (dialect.namespace(), shared.answer(&*dialect, request, &person, outcome.as_ref(), acked))
            }
            Err(unknown) => (None, unknown.reply),
        };
        if let (ClientMessage::Event { name, .. }, Some(ack)) = (heard, &reply.ack) {
            LEXICON.check_ack(spoken_in, name, ack);
        }
        let ack = self.give(name, reply);
        self.settle().await;
        ack.filter(|_| acked)
    }

    /// What is told of it is heard when everything has settled, so behind the answer.
    async fn perform(&mut self, name: &str, dialect: &dyn Contract, ask: ClientAction) -> Result<Outcome, DomainError> {
        let actor = self.connected(name).actor.clone();
        match ask {
            ClientAction::Ping => Ok(Outcome::Pong),
            ClientAction::Typing(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let person = self.house.decide(actor, |tx| command.execute(tx)).await?.person.id;
                self.house.shared.start_typing(&room, &person, name, self.start);
                Ok(Outcome::Noted)
            }
            ClientAction::StopTyping(room) => {
                self.stop_typing(name, &room);
                Ok(Outcome::Noted)
            }
            ClientAction::Statuses(people) => {
                let query = FilterVisible { people: people.clone(), contacts_only: !self.house.shared.presence_is_public };
                let visible = self.house.decide(actor, |tx| query.execute(tx.store, tx.actor)).await?;
                Ok(self.house.shared.statuses(people, &visible))
            }
            ClientAction::OnlineIn(room) => {
                let command = ListMemberIds { room: room.clone(), contacts_only: !self.house.shared.presence_is_public };
                let members = self.house.decide(actor, |tx| command.execute(tx)).await?;
                Ok(self.house.shared.online_of(&room, members))
            }
            ClientAction::TakePart(change) => {
                let person = actor.person.clone();
                let (call, value) = self.house.decide(actor, change).await?;
                if call.is_open() && call.has(&person) {
                    self.house.shared.call_participants.join(call.id, &call.room, &person, name);
                }
                Ok(Outcome::Changed(value))
            }
            ClientAction::Refresh(token) => match self.house.shared.verify_refresh(&actor.person, &token) {
                Err(why) => Ok(Outcome::Refreshed(Err(why))),
                Ok(AuthRefresh { actor, claims, ends }) => {
                    self.house.decide(actor.clone(), |tx| EnsureUser { claims }.execute(tx)).await?;
                    self.device(name).actor = actor;
                    Ok(Outcome::Refreshed(Ok(ends)))
                }
            },
            ClientAction::Change(change) => self.house.decide(actor, change).await.map(Outcome::Changed),
            ClientAction::Leave(room) => {
                self.leave_room(name, &room, false);
                Ok(Outcome::Left(room))
            }
            ClientAction::Move(room) => {
                let command =
                    JoinRoomListingMembers { room: room.clone(), session: None, since: false, contacts_only: !self.house.shared.presence_is_public };
                let (JoinedRoom { person, inside, .. }, members) = self.house.decide(actor, |tx| command.execute(tx)).await?;
                let rooms = self.connected(name).rooms.iter().filter_map(|room| RoomId::parse(room));
                let others: Vec<RoomId> = rooms.filter(|other| other.kind() == room.kind() && *other != room).collect();
                for other in others {
                    self.leave_room(name, &other, false);
                }
                self.house.shared.call_participants.resume(&room, &person.id, name);
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.house.shared.join_presence(room.clone(), person, inside);
                }
                Ok(Outcome::Moved { online: self.house.shared.online_among(&room, members), room })
            }
            ClientAction::Enter(room) => {
                let command = JoinRoom { room: room.clone(), session: None, since: false };
                let JoinedRoom { person, inside, .. } = self.house.decide(actor, |tx| command.execute(tx)).await?;
                let entered = self.house.shared.joined_outcome(dialect, &room, Some(&person));
                if self.connected(name).rooms.insert(room.as_str().to_owned()) {
                    self.house.shared.join_presence(room, person, inside);
                }
                Ok(entered)
            }
        }
    }

    fn give(&mut self, name: &str, reply: Reply) -> Option<Value> {
        let device = self.connected(name);
        reply.say.iter().for_each(|saying| device.hear(saying));
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
        let (rooms, person, connection) = (std::mem::take(&mut device.rooms), device.actor.person.clone(), device.connection);
        self.house.shared.stop_typing_everywhere(&person, name);
        self.house.shared.call_participants.disconnect(&person, name);
        for room in rooms.iter().filter_map(|room| RoomId::parse(room)) {
            self.house.shared.room_presence.leave(&room, &person);
        }
        self.house.shared.online_users.disconnect(&person, connection);
    }

    fn stop_typing(&mut self, name: &str, room: &RoomId) {
        let person = self.device(name).actor.person.clone();
        self.house.shared.stop_typing(room, &person, name);
    }

    fn leave_room(&mut self, name: &str, room: &RoomId, removed: bool) {
        self.stop_typing(name, room);
        let device = self.device(name);
        let person = device.actor.person.clone();
        if device.rooms.remove(room.as_str())
            && let Some(departure) = self.house.shared.room_presence.leave(room, &person)
        {
            self.house.shared.publish_left(room.clone(), person, departure, removed);
        }
    }

    /// Until nothing more happens, everybody hears what has.
    pub async fn settle(&mut self) {
        let fanout = Arc::clone(&self.house.shared.fanout);
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
            Effect::Join(room, person) => {
                for name in self.devices_of(&person) {
                    let namespace = self.device(&name).namespace;
                    if self.house.shared.contracts.auto_join(namespace, &room) {
                        self.device(&name).rooms.insert(room.as_str().to_owned());
                    }
                }
            }
            Effect::Tell(rooms, said) => {
                for device in self.devices.values_mut() {
                    if rooms.iter().any(|room| device.rooms.contains(room.as_str())) {
                        said.render(device.namespace).iter().for_each(|saying| device.hear(saying));
                    }
                }
            }
            Effect::TellExcept(rooms, users, said) => {
                let inboxes: Vec<RoomId> = users.iter().map(RoomId::inbox).collect();
                let others = self.devices.values_mut().filter(|device| !inboxes.iter().any(|inbox| device.rooms.contains(inbox.as_str())));
                for device in others.filter(|device| rooms.iter().any(|room| device.rooms.contains(room.as_str()))) {
                    said.render(device.namespace).iter().for_each(|saying| device.hear(saying));
                }
            }
            Effect::TellOthers(room, person, said) => {
                let inbox = RoomId::inbox(&person);
                let others = self.devices.values_mut().filter(|device| !device.rooms.contains(inbox.as_str()));
                for device in others.filter(|device| device.rooms.contains(room.as_str())) {
                    said.render(device.namespace).iter().for_each(|saying| device.hear(saying));
                }
            }
            Effect::Emit { emission, said, .. } => {
                let everyone = emission.rooms.contains(&RoomId::everyone());
                // A connection's id is its device's name here.
                let devices = self.devices.iter_mut().filter(|(name, _)| !emission.except_connections.contains(name));
                for device in devices.map(|(_, device)| device).filter(|device| device.connected) {
                    let is_in = |room: &RoomId| device.rooms.contains(room.as_str());
                    if (everyone || emission.rooms.iter().any(is_in)) && !emission.except.iter().any(is_in) {
                        said.render(device.namespace).iter().for_each(|saying| device.hear_whatever(saying));
                    }
                }
            }
            Effect::Expel { people, connections, reason } => {
                let named = connections.into_iter().filter(|name| self.devices.get(name).is_some_and(|device| device.connected));
                let expelled: BTreeSet<_> = people.iter().flat_map(|person| self.devices_of(person)).chain(named).collect();
                for name in expelled {
                    self.device(&name).close(4403, &reason);
                    self.depart(&name);
                }
            }
            Effect::Leave(room, people) => {
                for person in people {
                    for name in self.devices_of(&person) {
                        self.stop_typing(&name, &room);
                        let heard: Vec<RoomId> = self.device(&name).rooms.iter().filter_map(|room| RoomId::parse(room)).collect();
                        for heard in heard {
                            if heard == room || self.house.shared.room_presence.is_inside(&heard, &person, &room) {
                                self.leave_room(&name, &heard, true);
                            }
                        }
                    }
                    self.house.shared.remove_member_presence(&room, &person);
                }
            }
            Effect::Ring(_) => {}
            Effect::HangUp(call) => self.house.shared.call_participants.clear(call),
            Effect::TellEveryone(said) => {
                for device in self.devices.values_mut().filter(|device| device.connected) {
                    for saying in said.render(device.namespace) {
                        // An admin may choose a name, and where no contract has a word for it another one's is said.
                        match LEXICON.knows(device.namespace, &saying) {
                            true => device.hear(&saying),
                            false => device.hear_whatever(&saying),
                        }
                    }
                }
            }
            Effect::Gather(signal) => panic!("nobody is told of {signal:?}"),
        }
    }

    /// A person's devices that are connected.
    fn devices_of(&self, person: &UserId) -> Vec<String> {
        let inbox = RoomId::inbox(person);
        let present = self.devices.iter().filter(|(_, device)| device.rooms.contains(inbox.as_str()));
        present.map(|(name, _)| name.clone()).collect()
    }

    /// What answers REST.
    pub fn router(&self) -> Router {
        self.house.router.clone()
    }

    /// What is kept of a handshake with this token in its query.
    pub fn kept_token(&self, token: &str) -> Option<String> {
        self.house.shared.authenticator.handshake_token(&HeaderMap::new(), Some(&format!("token={token}")))
    }

    /// Puts a device of somebody who is in nothing beside another, without a handshake: it counts nowhere.
    pub fn put_beside(&mut self, name: &str, other: &str) {
        let Device { connection, namespace, .. } = *self.device(other);
        let actor = Actor { person: UserId::new(name), admin: false };
        self.devices.insert(name.to_owned(), Device::new(actor, connection, namespace));
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
    pub fn device(&mut self, name: &str) -> &mut Device {
        self.devices.get_mut(name).unwrap_or_else(|| panic!("{name} has not been connected"))
    }

    pub fn devices(&self) -> impl Iterator<Item = (&String, &Device)> {
        self.devices.iter()
    }

    fn connected(&mut self, name: &str) -> &mut Device {
        let device = self.device(name);
        assert!(device.connected, "{name} is not connected");
        device
    }
}

fn is_trips_greeting(greeting: &OutboundMessage) -> bool {
    matches!(greeting, OutboundMessage::Event { name, .. } if name == "connected")
}
