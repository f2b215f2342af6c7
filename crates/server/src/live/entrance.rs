//! From a request to be connected to a greeted socket: token, cap, person, rooms.

use std::sync::Arc;

use domain::event::Signal;
use domain::names::{Room, Timestamp};
use domain::operation::{Actor, Command, Tx};
use domain::people::{Claims, Met};
use domain::refusal::Refusal;
use domain::sessions::{Arrive, Arrived, Came, Place};
use engine::id::Id;
use engine::{Connect, Namespace, Saying, Shard, SocketKey};
use tracing::Level;

use super::gate::too_often;
use super::recovery::Coming;
use super::{Handshake, Live, Session, Shared};
use crate::audit;
use crate::auth::{ConnectAuth, Identity, LeftOff, Unauthenticated};
use crate::dialects::workspace::closing::{AUTHENTICATION_FAILED, INTERNAL_ERROR, TOO_MANY_CONNECTIONS};
use crate::limits::TRY_AGAIN;
use crate::logs::{self, FAULTS};
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

/// A socket whose client is believed, on its way in.
pub(super) struct Entering {
    pub socket: SocketKey,
    pub session: Session,
    /// When its connection is to end with its token.
    pub ends: Option<Timestamp>,
    pub coming: Coming,
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

impl Shared {
    /// Whom a CONNECT's payload, or the token that was kept of the handshake, speaks for.
    ///
    /// # Errors
    /// Why nobody is believed.
    pub fn identify(&self, auth: ConnectAuth, kept: Option<&str>) -> Result<Identity, Unauthenticated> {
        self.authenticator.identify_socket(auth, kept, (self.clock)().0.div_euclid(1_000_000))
    }

    /// Somebody who is believed asks to be connected. Inputs: who, the connection, the socket's id. It is told if the person comes online with
    /// it.
    ///
    /// # Errors
    /// That the person has as many connections as a person may have.
    pub fn entrant(&self, connection: Connection, id: Option<Id>, identity: Identity) -> Result<Entrant, Unauthenticated> {
        let actor = Actor { person: identity.person.clone(), admin: identity.admin };
        let most = match connection.transport() {
            Transport::SocketIo => self.most_socketio,
            Transport::Raw => self.most_raw,
        };
        let connection_id = || id.map(|id| id.text()).unwrap_or_default();
        let come_online = || self.tell_presence(Signal::Online { person: actor.person.clone(), connection: connection_id() });
        let known_by = id.filter(|_| self.tells_presence);
        self.people.arrive(&actor.person, connection, known_by, most, come_online).map_err(|_| Unauthenticated::TooManyConnections)?;
        let ends = self.ends_with_token.then(|| self.end_of(&identity)).flatten();
        Ok(Entrant { actor, claims: claims(identity), ends })
    }

    /// The rooms that a socket of somebody who has arrived is in without asking, each with the offset behind which its person is; the first is
    /// the inbox.
    pub fn rooms(&self, namespace: Namespace, arrived: &Arrived) -> Vec<(Room, i64)> {
        let households = arrived.households.iter().filter(|(room, _)| self.dialects.join_by_themselves(namespace, room));
        [(Room::inbox(&arrived.met.person.id), 0)].into_iter().chain(households.cloned()).collect()
    }

    /// What a socket of a person who has been met is told first in a namespace; `id` is the socket's.
    pub fn greetings(&self, namespace: Namespace, id: &str, met: &Met) -> Vec<Saying> {
        let now = (self.clock)();
        let dialects = self.dialects.spoken_in(namespace).iter();
        dialects.filter_map(|dialect| dialect.greeting(&met.person, id, now)).collect()
    }
}

impl Live {
    pub(super) fn ask_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let transport = if request.namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        if let Err(refusal) = shard.handshake_mut(socket).map_or(Ok(()), |handshake| self.attempt(handshake)) {
            return self.shut_out(shard, socket, transport, &refusal);
        }
        let Some(handshake) = shard.handshake_mut(socket) else { return };
        let mut auth = ConnectAuth::read(request.auth);
        let left_off = match handshake.take_since() {
            Some(since) if transport == Transport::Raw => LeftOff::Position(since.into()),
            _ => auth.left_off(),
        };
        let identity = match self.shared.identify(auth, handshake.token()) {
            Ok(identity) => identity,
            Err(why) => return self.turn_away(shard, socket, transport, why),
        };
        if transport == Transport::Raw {
            // Such a client may speak as soon as its socket is open; what it says waits until it is let in.
            shard.pause(socket);
        }
        match left_off {
            LeftOff::Session { secret, offset } if may_recover(shard, socket) => self.take_over(shard, socket, identity, &secret, offset),
            LeftOff::Session { .. } | LeftOff::Nowhere => self.go_in(shard, socket, identity, Coming::New),
            LeftOff::Position(since) => self.go_in(shard, socket, identity, Coming::Since(since)),
        }
    }

    /// Somebody who is believed goes in: the person is met, and what is remembered of the socket is looked up, in the writer's order.
    pub(super) fn go_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, identity: Identity, coming: Coming) {
        let Some(handshake) = shard.handshake(socket) else { return };
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let transport = if namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        let connection = Connection::new(handshake.number, transport);
        let id = shard.id(socket);
        let Entrant { actor, claims, ends } = match self.shared.entrant(connection, id, identity) {
            Ok(entrant) => entrant,
            Err(why) => return self.turn_away(shard, socket, transport, why),
        };
        // Who says since when it was here hears, in one room after the other, what is behind what it has heard in others: its last position does
        // not say what it has heard. It keeps count by itself.
        let keeps_count = matches!(coming, Coming::Since(_));
        let secret = (may_recover(shard, socket) && !keeps_count).then(|| shard.new_secret(socket));
        let id = id.map(|id| id.text()).unwrap_or_default();
        let place = secret.map(|secret| Place { secret: secret.text(), id, namespace: self.name_of(namespace).to_owned() });
        let arrive = Arrive { claims: claims.clone(), place, came: self.shared.came(&coming) };
        let session = Session::new(actor.clone(), connection, shard.now());
        let (old, shared) = (coming.secret(), Arc::clone(&self.shared));
        let work = move |tx: &mut Tx<'_>| {
            let arrived = arrive.decide(tx)?;
            if let Some(old) = old.filter(|_| arrived.recovered.is_some()) {
                shared.leaving.come_back(old);
            }
            Ok(arrived)
        };
        let entering = Entering { socket, session, ends, coming };
        let back = self.back(shard);
        self.shared.writer.submit(actor, work, move |arrived| {
            back(Box::new(move |live, shard| {
                if let Some(old) = old.filter(|_| arrived.is_err()) {
                    live.shared.leaving.stay_away(old);
                }
                live.let_in(shard, entering, secret, claims, arrived);
            }));
        });
    }

    /// A socket's person was met, or could not be.
    fn let_in(
        &mut self,
        shard: &mut Shard<Self>,
        entering: Entering,
        secret: Option<Id>,
        claims: Claims,
        arrived: Result<Arrived, Refusal>,
    ) {
        match arrived {
            Ok(arrived) if arrived.recovered.is_some() => self.let_back_in(shard, entering, arrived),
            Ok(arrived) => self.let_in_anew(shard, entering, secret, arrived),
            // Nothing can be written. Whoever is known can be let in all the same, but will not be known again.
            Err(Refusal::Unavailable(_)) if secret.is_some() => self.go_in_unremembered(shard, entering, claims),
            Err(refusal) => self.could_not_be_met(shard, &entering, &refusal),
        }
    }

    /// The same without anything being remembered of the socket.
    fn go_in_unremembered(&mut self, shard: &mut Shard<Self>, entering: Entering, claims: Claims) {
        let (back, actor) = (self.back(shard), entering.session.actor.clone());
        let entering = Entering { coming: Coming::New, ..entering };
        self.shared.writer.run(actor, Arrive { claims, place: None, came: Came::New }, move |arrived| {
            back(Box::new(move |live, shard| match arrived {
                Ok(arrived) => live.let_in_anew(shard, entering, None, arrived),
                Err(refusal) => live.could_not_be_met(shard, &entering, &refusal),
            }));
        });
    }

    /// Counts a request to be connected. Each namespace may be asked for once, as the handshake has paid for it. Whatever comes beyond is a
    /// new attempt of the address: one connection could try tokens, or come and go, without end otherwise.
    fn attempt(&self, handshake: &mut Handshake) -> Result<(), Refusal> {
        handshake.connects = handshake.connects.saturating_add(1);
        let paid = handshake.connects as usize <= self.handle.config().namespaces.len();
        if paid { Ok(()) } else { self.shared.limits.connect(handshake.address().ip()) }
    }

    /// A request for a namespace that there is not counts like any other.
    pub(super) fn pass_by(&mut self, handshake: &mut Handshake) -> Result<(), engine::Refusal> {
        self.attempt(handshake).map_err(|refusal| {
            audit::refused(None, handshake.address(), "namespace", refusal.code());
            self.tally.turned_away(refusal.code());
            too_often(&refusal)
        })
    }

    /// The address has tried too often: the whole connection is closed, with everything that it has.
    fn shut_out(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, refusal: &Refusal) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::refused(None, handshake.address(), transport_name(shard, socket, transport), refusal.code());
        }
        self.tally.turned_away(refusal.code());
        shard.close(socket, TOO_MANY_CONNECTIONS.code, &refusal.to_string());
    }

    fn turn_away(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, why: Unauthenticated) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::refused(None, handshake.address(), transport_name(shard, socket, transport), why.logged());
        }
        self.tally.turned_away(why.code());
        match TurnedAway::of(transport, why) {
            TurnedAway::Refused(message, data) => refuse(shard, socket, message, &data),
            TurnedAway::Closed(code, reason) => shard.close(socket, code, &reason),
        }
    }

    /// The user of a connection was deleted, or the store failed.
    pub(super) fn could_not_be_met(&mut self, shard: &mut Shard<Self>, entering: &Entering, refusal: &Refusal) {
        let Entering { socket, session, .. } = entering;
        self.count_out(shard, &session.actor.person, session.connection);
        if *refusal == Refusal::UserDeleted {
            return self.turn_away(shard, *socket, session.connection.transport(), Unauthenticated::UserDeleted);
        }
        self.tally.turned_away(refusal.code());
        if logs::admits(Level::ERROR, None, "a person could not be met", refusal.code(), FAULTS) {
            tracing::error!(%refusal, "a person could not be met");
        }
        match session.connection.transport() {
            Transport::SocketIo => refuse(shard, *socket, "Server error", &format!(r#"{{"code":"{}"}}"#, refusal.code())),
            Transport::Raw => shard.close(*socket, INTERNAL_ERROR.code, "Internal Server Error"),
        }
    }

    /// The socket is let in, greeted, told what it has missed since it says it was here, and in its rooms.
    pub(super) fn let_in_anew(&mut self, shard: &mut Shard<Self>, entering: Entering, secret: Option<Id>, arrived: Arrived) {
        let Entering { socket, session, ends, coming } = entering;
        let (actor, connection) = (session.actor.clone(), session.connection);
        let session = Session { secret, begun: arrived.position as u64, ..session };
        let accepted = match secret {
            Some(secret) => shard.accept_recoverable(socket, session, secret),
            None => shard.accept(socket, session),
        };
        if !accepted {
            // The client has gone meanwhile.
            self.count_out(shard, &actor.person, connection);
            return self.forget(&actor, secret);
        }
        shard.resume(socket);
        self.greet(shard, socket, ends, &arrived.met);
        self.catch_up_from(shard, socket, &coming, arrived.since);
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let rooms = self.shared.rooms(namespace, &arrived);
        self.join_unasked(shard, socket, &rooms, &arrived.hears);
    }

    /// What a socket that was let in is told first. From here on it is held to its token's end, if it is to be.
    pub(super) fn greet(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ends: Option<Timestamp>, met: &Met) {
        if let Some(ends) = ends {
            self.hold_to_token(shard, socket, ends);
        }
        let Some(transport) = shard.data(socket).map(|session| session.connection.transport()) else { return };
        let id = shard.id(socket).map(|id| id.text()).unwrap_or_default();
        self.tally.came();
        for greeting in self.shared.greetings(shard.namespace(socket).unwrap_or(Namespace::PLAIN), &id, met) {
            shard.emit(socket, &greeting);
        }
        if let Some(handshake) = shard.handshake(socket) {
            audit::connected(&met.person.id, handshake.address(), transport_name(shard, socket, transport));
        }
    }

    pub(super) fn name_of(&self, namespace: Namespace) -> &str {
        self.handle.config().namespaces.get(usize::from(namespace.0)).map_or("", String::as_str)
    }
}

/// Refuses a socket with a message and data in JSON.
fn refuse(shard: &mut Shard<Live>, socket: SocketKey, message: &str, data: &str) {
    if let Err(error) = shard.refuse(socket, message, Some(data)) {
        tracing::error!(%error, "a refusal cannot be sent");
    }
}

/// Whether a socket's client can come back as the same, and be told by positions what it has missed.
fn may_recover(shard: &Shard<Live>, socket: SocketKey) -> bool {
    shard.may_recover(socket) && shard.handshake(socket).is_some_and(|handshake| handshake.takes_positions)
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
