//! From a connection request to an accepted socket: token, connection limit, user, rooms.

use std::sync::Arc;

use domain::event::EphemeralEvent;
use domain::ids::{RoomId, Timestamp};
use domain::command::{Actor, Command, CommandContext};
use domain::users::{Claims, EnsuredUser};
use domain::error::DomainError;
use domain::sessions::{ConnectSession, ConnectOutcome, ResumeRequest, NewSession};
use engine::id::Id;
use engine::{Connect, Namespace, OutboundMessage, Shard, SocketKey};
use tracing::Level;

use super::gate::too_often;
use super::recovery::Coming;
use super::{Handshake, Live, Session, Shared};
use crate::audit;
use crate::auth::{ConnectAuth, Identity, ResumeHint, AuthError};
use crate::contracts::workspace::close_codes::{AUTHENTICATION_FAILED, INTERNAL_ERROR, TOO_MANY_CONNECTIONS};
use crate::rate_limit::RETRY_AFTER_SECONDS;
use crate::logging::{self, MAX_FAULT_LINES};
use crate::presence::{Connection, Transport};

/// A client that is authenticated and may connect. The socket is counted already.
pub struct Entrant {
    /// The user who sends the socket's requests.
    pub actor: Actor,
    /// The token's claims about the user, who is not loaded yet.
    pub claims: Claims,
    /// When the socket ends with its token; `None`: it does not.
    pub ends: Option<Timestamp>,
}

/// A socket whose client is authenticated and that is not accepted yet.
pub(super) struct Entering {
    pub socket: SocketKey,
    pub session: Session,
    /// When its connection ends with its token; `None`: it does not.
    pub ends: Option<Timestamp>,
    pub coming: Coming,
}

/// The rejection of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TurnedAway {
    /// Socket.IO: a CONNECT_ERROR with a message and data in JSON.
    Refused(&'static str, String),
    /// Raw WebSocket: a close frame with a code and a reason.
    Closed(u16, String),
}

impl TurnedAway {
    /// The rejection for a client with this transport.
    pub fn of(transport: Transport, why: AuthError) -> Self {
        let full = why == AuthError::TooManyConnections;
        match transport {
            Transport::SocketIo => {
                let wait = if full { format!(r#","retryAfter":{RETRY_AFTER_SECONDS}"#) } else { String::new() };
                Self::Refused("Authentication error", format!(r#"{{"code":"{}"{wait}}}"#, why.code()))
            }
            Transport::Raw if full => Self::Closed(TOO_MANY_CONNECTIONS.code, format!("{why}, try again in {RETRY_AFTER_SECONDS} s")),
            Transport::Raw => Self::Closed(AUTHENTICATION_FAILED.code, why.to_string()),
        }
    }
}

impl Shared {
    /// Authenticates the token of a CONNECT payload, or else the token of the handshake.
    ///
    /// # Errors
    /// The reason why the token is rejected.
    pub fn identify(&self, auth: ConnectAuth, kept: Option<&str>) -> Result<Identity, AuthError> {
        self.authenticator.identify_socket(auth, kept, (self.clock)().0.div_euclid(1_000_000))
    }

    /// Counts a new socket of an authenticated user. Inputs: the connection, the socket's id, the identity. Sends an online event if the
    /// user comes online with this socket.
    ///
    /// # Errors
    /// If the user has as many connections as a user may have.
    pub fn entrant(&self, connection: Connection, id: Option<Id>, identity: Identity) -> Result<Entrant, AuthError> {
        let actor = Actor { person: identity.person.clone(), admin: identity.admin };
        let most = match connection.transport() {
            Transport::SocketIo => self.most_socketio,
            Transport::Raw => self.most_raw,
        };
        let connection_id = || id.map(|id| id.text()).unwrap_or_default();
        let come_online = || self.tell_presence(EphemeralEvent::Online { person: actor.person.clone(), connection: connection_id() });
        let known_by = id.filter(|_| self.tells_presence);
        self.people.connect(&actor.person, connection, known_by, most, come_online).map_err(|_| AuthError::TooManyConnections)?;
        let ends = self.ends_with_token.then(|| self.end_of(&identity)).flatten();
        Ok(Entrant { actor, claims: claims(identity), ends })
    }

    /// The rooms that an accepted socket joins without a request, each with the offset after which its user is a member. The first is the
    /// inbox.
    pub fn rooms(&self, namespace: Namespace, arrived: &ConnectOutcome) -> Vec<(RoomId, i64)> {
        let households = arrived.households.iter().filter(|(room, _)| self.dialects.auto_join(namespace, room));
        [(RoomId::inbox(&arrived.user.person.id), 0)].into_iter().chain(households.cloned()).collect()
    }

    /// The first messages to a socket of a loaded user in a namespace; `id` is the socket's id.
    pub fn greetings(&self, namespace: Namespace, id: &str, met: &EnsuredUser) -> Vec<OutboundMessage> {
        let now = (self.clock)();
        let dialects = self.dialects.in_namespace(namespace).iter();
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
            Some(since) if transport == Transport::Raw => ResumeHint::Position(since.into()),
            _ => auth.resume_hint(),
        };
        let identity = match self.shared.identify(auth, handshake.token()) {
            Ok(identity) => identity,
            Err(why) => return self.turn_away(shard, socket, transport, why),
        };
        if transport == Transport::Raw {
            // Such a client may send as soon as its socket is open; its messages wait until it is accepted.
            shard.pause(socket);
        }
        match left_off {
            ResumeHint::Session { secret, offset } if may_recover(shard, socket) => self.take_over(shard, socket, identity, &secret, offset),
            ResumeHint::Session { .. } | ResumeHint::Nowhere => self.go_in(shard, socket, identity, Coming::New),
            ResumeHint::Position(since) => self.go_in(shard, socket, identity, Coming::Since(since)),
        }
    }

    /// Loads an authenticated user and the state of a resumed socket, in the writer's order.
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
        // A client with a position receives the missed events of one room after the other: its last position does not tell which rooms it
        // has read. It tracks its own position, so it gets no secret.
        let keeps_count = matches!(coming, Coming::Since(_));
        let secret = (may_recover(shard, socket) && !keeps_count).then(|| shard.new_secret(socket));
        let id = id.map(|id| id.text()).unwrap_or_default();
        let place = secret.map(|secret| NewSession { secret: secret.text(), id, namespace: self.name_of(namespace).to_owned() });
        let arrive = ConnectSession { claims: claims.clone(), new_session: place, resume: self.shared.came(&coming) };
        let session = Session::new(actor.clone(), connection, shard.now());
        let (old, shared) = (coming.secret(), Arc::clone(&self.shared));
        let work = move |tx: &mut CommandContext<'_>| {
            let arrived = arrive.execute(tx)?;
            if let Some(old) = old.filter(|_| arrived.resumed.is_some()) {
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

    /// Accepts a socket whose user was loaded, or rejects it.
    fn let_in(
        &mut self,
        shard: &mut Shard<Self>,
        entering: Entering,
        secret: Option<Id>,
        claims: Claims,
        arrived: Result<ConnectOutcome, DomainError>,
    ) {
        match arrived {
            Ok(arrived) if arrived.resumed.is_some() => self.let_back_in(shard, entering, arrived),
            Ok(arrived) => self.let_in_anew(shard, entering, secret, arrived),
            // Nothing can be written. A user who is stored already is accepted all the same, but the socket cannot be resumed later.
            Err(DomainError::Unavailable(_)) if secret.is_some() => self.go_in_unremembered(shard, entering, claims),
            Err(refusal) => self.could_not_be_met(shard, &entering, &refusal),
        }
    }

    /// Accepts a socket without storing a session for it.
    fn go_in_unremembered(&mut self, shard: &mut Shard<Self>, entering: Entering, claims: Claims) {
        let (back, actor) = (self.back(shard), entering.session.actor.clone());
        let entering = Entering { coming: Coming::New, ..entering };
        self.shared.writer.run(actor, ConnectSession { claims, new_session: None, resume: ResumeRequest::New }, move |arrived| {
            back(Box::new(move |live, shard| match arrived {
                Ok(arrived) => live.let_in_anew(shard, entering, None, arrived),
                Err(refusal) => live.could_not_be_met(shard, &entering, &refusal),
            }));
        });
    }

    /// Counts a request to connect to a namespace. The handshake has paid for one request to each namespace. Each further one counts as a
    /// new attempt of the address: otherwise one connection could try tokens, or connect and disconnect, without limit.
    fn attempt(&self, handshake: &mut Handshake) -> Result<(), DomainError> {
        handshake.connects = handshake.connects.saturating_add(1);
        let paid = handshake.connects as usize <= self.handle.config().namespaces.len();
        if paid { Ok(()) } else { self.shared.limits.connect(handshake.address().ip()) }
    }

    /// Counts a request for an unknown namespace like any other.
    pub(super) fn pass_by(&mut self, handshake: &mut Handshake) -> Result<(), engine::HandshakeRejection> {
        self.attempt(handshake).map_err(|refusal| {
            audit::rejected(None, handshake.address(), "namespace", refusal.code());
            self.tally.turned_away(refusal.code());
            too_often(&refusal)
        })
    }

    /// Closes the whole connection, with all its sockets, because the address has made too many attempts.
    fn shut_out(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, refusal: &DomainError) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::rejected(None, handshake.address(), transport_name(shard, socket, transport), refusal.code());
        }
        self.tally.turned_away(refusal.code());
        shard.close(socket, TOO_MANY_CONNECTIONS.code, &refusal.to_string());
    }

    fn turn_away(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, why: AuthError) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::rejected(None, handshake.address(), transport_name(shard, socket, transport), why.log_text());
        }
        self.tally.turned_away(why.code());
        match TurnedAway::of(transport, why) {
            TurnedAway::Refused(message, data) => refuse(shard, socket, message, &data),
            TurnedAway::Closed(code, reason) => shard.close(socket, code, &reason),
        }
    }

    /// The user of a connection was deleted, or the store failed.
    pub(super) fn could_not_be_met(&mut self, shard: &mut Shard<Self>, entering: &Entering, refusal: &DomainError) {
        let Entering { socket, session, .. } = entering;
        self.count_out(shard, &session.actor.person, session.connection);
        if *refusal == DomainError::UserDeleted {
            return self.turn_away(shard, *socket, session.connection.transport(), AuthError::UserDeleted);
        }
        self.tally.turned_away(refusal.code());
        if logging::admits(Level::ERROR, None, "a person could not be met", refusal.code(), MAX_FAULT_LINES) {
            tracing::error!(%refusal, "a person could not be met");
        }
        match session.connection.transport() {
            Transport::SocketIo => refuse(shard, *socket, "Server error", &format!(r#"{{"code":"{}"}}"#, refusal.code())),
            Transport::Raw => shard.close(*socket, INTERNAL_ERROR.code, "Internal Server Error"),
        }
    }

    /// Accepts the socket, greets it, replays the events after its client's position, and joins its rooms.
    pub(super) fn let_in_anew(&mut self, shard: &mut Shard<Self>, entering: Entering, secret: Option<Id>, arrived: ConnectOutcome) {
        let Entering { socket, session, ends, coming } = entering;
        let (actor, connection) = (session.actor.clone(), session.connection);
        let session = Session { secret, begun: arrived.position as u64, ..session };
        let accepted = match secret {
            Some(secret) => shard.accept_recoverable(socket, session, secret),
            None => shard.accept(socket, session),
        };
        if !accepted {
            // The client has disconnected while its user was loaded.
            self.count_out(shard, &actor.person, connection);
            return self.forget(&actor, secret);
        }
        shard.resume(socket);
        self.greet(shard, socket, ends, &arrived.user);
        self.catch_up_from(shard, socket, &coming, arrived.since);
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let rooms = self.shared.rooms(namespace, &arrived);
        self.join_unasked(shard, socket, &rooms, &arrived.visible_rooms);
    }

    /// Sends the first messages to an accepted socket. From here on it ends with its token if `ends` is set.
    pub(super) fn greet(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ends: Option<Timestamp>, met: &EnsuredUser) {
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

/// Rejects a socket with a message and data in JSON.
fn refuse(shard: &mut Shard<Live>, socket: SocketKey, message: &str, data: &str) {
    if let Err(error) = shard.refuse(socket, message, Some(data)) {
        tracing::error!(%error, "a refusal cannot be sent");
    }
}

/// Whether the client can resume this socket and receive positions with events.
fn may_recover(shard: &Shard<Live>, socket: SocketKey) -> bool {
    shard.may_recover(socket) && shard.handshake(socket).is_some_and(|handshake| handshake.takes_positions)
}

/// The name of a connection's transport in the log.
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
