//! From a request to be connected to a greeted socket: token, cap, person, rooms.

use domain::event::Signal;
use domain::names::{Room, Timestamp};
use domain::operation::Actor;
use domain::people::{Claims, Meet, Met};
use domain::refusal::Refusal;
use engine::{Connect, Namespace, Saying, Shard, SocketKey};

use super::gate::too_often;
use super::{Handshake, Live, Session, Shared};
use crate::audit;
use crate::auth::{ConnectAuth, Identity, Unauthenticated};
use crate::dialects::workspace::closing::{AUTHENTICATION_FAILED, INTERNAL_ERROR, TOO_MANY_CONNECTIONS};
use crate::limits::TRY_AGAIN;
use crate::presence::{Connection, Transport};

/// Somebody who asks to be connected, and may be. The socket counts already.
pub struct Entrant {
    /// On whose behalf it will ask.
    pub actor: Actor,
    /// What the token says about the person, who is still to be met.
    pub claims: Claims,
    /// When the socket is to end with its token, if it is.
    pub ends: Option<Timestamp>,
}

/// How somebody is turned away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TurnedAway {
    /// Socket.IO: the connection is refused with a message and data, raw JSON.
    Refused(&'static str, String),
    /// The raw WebSocket: it is closed with a code and a reason.
    Closed(u16, String),
}

impl TurnedAway {
    /// How a client of this sort is told this.
    pub fn of(transport: Transport, why: Unauthenticated) -> Self {
        let full = why == Unauthenticated::TooManyConnections;
        match transport {
            Transport::SocketIo => {
                let wait = if full { format!(r#","retryAfter":{TRY_AGAIN}"#) } else { String::new() };
                Self::Refused("Authentication error", format!(r#"{{"code":"{}"{wait}}}"#, why.code()))
            }
            Transport::Raw if full => Self::Closed(TOO_MANY_CONNECTIONS.code, format!("{why}, try again in {TRY_AGAIN} s")),
            Transport::Raw => Self::Closed(AUTHENTICATION_FAILED.code, why.to_string()),
        }
    }
}

/// What a new socket finds.
#[derive(Clone, PartialEq, Debug)]
pub struct Welcome {
    /// The rooms that it is in without asking; the first is its person's inbox.
    pub rooms: Vec<Room>,
    /// What it is told, once it is in them.
    pub greetings: Vec<Saying>,
}

impl Shared {
    /// Who asks to be connected. Inputs: the connection, the socket's id, the CONNECT's payload and the token that was kept of the
    /// handshake. It is told if the person comes online with it.
    ///
    /// # Errors
    /// Why nobody is believed, or that the person has as many connections as a person may have.
    pub fn entrant(&self, connection: Connection, id: String, auth: &str, kept: Option<&str>) -> Result<Entrant, Unauthenticated> {
        let now = (self.clock)().0.div_euclid(1_000_000);
        let identity = self.authenticator.identify_socket(ConnectAuth::read(auth), kept, now)?;
        let actor = Actor { person: identity.person.clone(), admin: identity.admin };
        let most = match connection.transport {
            Transport::SocketIo => self.most_socketio,
            Transport::Raw => self.most_raw,
        };
        let come_online = || self.tell_presence(Signal::Online { person: actor.person.clone(), connection: id.clone() });
        let known_by = self.tells_presence.then_some(id.as_str());
        self.people.arrive(&actor.person, connection, known_by, most, come_online).map_err(|_| Unauthenticated::TooManyConnections)?;
        let ends = self.ends_with_token.then(|| self.end_of(&identity)).flatten();
        Ok(Entrant { actor, claims: claims(identity), ends })
    }

    /// What a socket of a person who has been met finds in a namespace; `id` is the socket's.
    pub fn welcome(&self, namespace: Namespace, id: &str, met: &Met) -> Welcome {
        let now = (self.clock)();
        let households = met.households.iter().filter(|room| self.dialects.join_by_themselves(namespace, room));
        let rooms = [Room::inbox(&met.person.id)].into_iter().chain(households.cloned()).collect();
        let dialects = self.dialects.spoken_in(namespace).iter();
        Welcome { rooms, greetings: dialects.filter_map(|dialect| dialect.greeting(&met.person, id, now)).collect() }
    }
}

impl Live {
    pub(super) fn ask_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let transport = if request.namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        if let Err(refusal) = shard.handshake_mut(socket).map_or(Ok(()), |handshake| self.attempt(handshake)) {
            return self.shut_out(shard, socket, transport, &refusal);
        }
        let Some(handshake) = shard.handshake(socket) else { return };
        let (connection, kept) = (Connection { number: handshake.number, transport }, handshake.token.as_deref());
        let id = shard.id(socket).map(|id| id.text()).unwrap_or_default();
        let Entrant { actor, claims, ends } = match self.shared.entrant(connection, id, request.auth, kept) {
            Ok(entrant) => entrant,
            Err(why) => return self.turn_away(shard, socket, transport, why),
        };
        if transport == Transport::Raw {
            // Such a client may speak as soon as its socket is open; what it says waits until it is let in.
            shard.pause(socket);
        }
        let back = self.back(shard);
        let session = Session { actor: actor.clone(), connection, since: shard.now(), in_flight: 0, paused: false };
        self.shared.writer.run(actor, Meet { claims }, move |met| {
            back(Box::new(move |live, shard| live.let_in(shard, socket, session, ends, met)));
        });
    }

    /// Counts a request to be connected. Each namespace may be asked for once, as the handshake has paid for it. Whatever comes beyond is a
    /// new attempt of the address: one connection could try tokens, or come and go, without end otherwise.
    fn attempt(&self, handshake: &mut Handshake) -> Result<(), Refusal> {
        handshake.connects = handshake.connects.saturating_add(1);
        let paid = handshake.connects as usize <= self.handle.config().namespaces.len();
        if paid { Ok(()) } else { self.shared.limits.connect(handshake.address.ip()) }
    }

    /// A request for a namespace that there is not counts like any other.
    pub(super) fn pass_by(&mut self, handshake: &mut Handshake) -> Result<(), engine::Refusal> {
        self.attempt(handshake).map_err(|refusal| {
            audit::refused(None, handshake.address, "namespace", refusal.code());
            self.tally.turned_away(refusal.code());
            too_often(&refusal)
        })
    }

    /// The address has tried too often: the whole connection is closed, with everything that it has.
    fn shut_out(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, refusal: &Refusal) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::refused(None, handshake.address, transport_name(shard, socket, transport), refusal.code());
        }
        self.tally.turned_away(refusal.code());
        shard.close(socket, TOO_MANY_CONNECTIONS.code, &refusal.to_string());
    }

    fn turn_away(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, why: Unauthenticated) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::refused(None, handshake.address, transport_name(shard, socket, transport), why.code());
        }
        self.tally.turned_away(why.code());
        match TurnedAway::of(transport, why) {
            TurnedAway::Refused(message, data) => shard.refuse(socket, message, Some(&data)),
            TurnedAway::Closed(code, reason) => shard.close(socket, code, &reason),
        }
    }

    /// The person is met: the socket is let in, into its rooms, and greeted.
    fn let_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, session: Session, ends: Option<Timestamp>, met: Result<Met, Refusal>) {
        let (actor, connection) = (session.actor.clone(), session.connection);
        let transport = connection.transport;
        let met = match met {
            Ok(met) if shard.accept(socket, session) => met,
            // The client has gone meanwhile, or the store could not be asked.
            other => {
                self.count_out(shard, &actor.person, connection);
                if let Err(refusal) = other {
                    self.tally.turned_away(refusal.code());
                    tracing::error!(%refusal, "a person could not be met");
                    match transport {
                        Transport::SocketIo => shard.refuse(socket, "Server error", Some(&format!(r#"{{"code":"{}"}}"#, refusal.code()))),
                        Transport::Raw => shard.close(socket, INTERNAL_ERROR.code, "Internal Server Error"),
                    }
                }
                return;
            }
        };
        shard.resume(socket);
        if let Some(ends) = ends {
            self.hold_to_token(shard, socket, ends, false);
        }
        let id = shard.id(socket).map(|id| id.text()).unwrap_or_default();
        let Welcome { rooms, greetings } = self.shared.welcome(shard.namespace(socket).unwrap_or(Namespace::PLAIN), &id, &met);
        self.tally.came();
        for room in rooms {
            self.join_unasked(shard, socket, &room);
        }
        for greeting in greetings {
            shard.emit(socket, &greeting);
        }
        if let Some(handshake) = shard.handshake(socket) {
            audit::connected(&actor.person, handshake.address, transport_name(shard, socket, transport));
        }
    }
}

/// How a connection is called in the log.
pub(super) fn transport_name(shard: &Shard<Live>, socket: SocketKey, transport: Transport) -> &'static str {
    match transport {
        Transport::Raw => "raw",
        Transport::SocketIo => shard.transport(socket),
    }
}

pub(super) fn claims(identity: Identity) -> Claims {
    Claims {
        name: identity.name,
        username: identity.username,
        email: identity.email,
        household: identity.household,
        issued_at: identity.issued_at.map(|seconds| Timestamp(seconds.saturating_mul(1_000_000))),
    }
}
