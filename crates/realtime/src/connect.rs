//! From a connection request to an accepted socket: token, connection limit, user, rooms.

use std::sync::Arc;

use auth::{AuthError, ConnectAuth, Identity, ResumeHint};
use contracts::close_codes::{AUTHENTICATION_FAILED, INTERNAL_ERROR, TOO_MANY_CONNECTIONS};
use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::ids::{RoomId, Timestamp};
use domain::sessions::{ConnectOutcome, ConnectSession, NewSession, ResumeRequest};
use domain::users::{Claims, EnsuredUser};
use engine::id::Id;
use engine::{Connect, Namespace, OutboundMessage, Shard, SocketKey};
use limits::rate_limit::RETRY_AFTER_SECONDS;
use logging::audit;
use logging::{self, MAX_FAULT_LINES};
use tracing::Level;

use super::handshake::rate_limited;
use super::recovery::ClientResume;
use super::{Handshake, RealtimeApp, RealtimeState, SocketData};
use crate::presence::{ConnectionId, Transport};

/// A client that is authenticated and may connect. The socket is counted already.
pub struct AuthorizedConnect {
    /// The user who sends the socket's requests.
    pub actor: Actor,
    /// The token's claims about the user, who is not loaded yet.
    pub claims: Claims,
    /// When the socket ends with its token; `None`: it does not.
    pub ends: Option<Timestamp>,
}

/// A socket whose client is authenticated and that is not accepted yet.
pub(super) struct PendingConnect {
    pub socket: SocketKey,
    pub session: SocketData,
    /// When its connection ends with its token; `None`: it does not.
    pub ends: Option<Timestamp>,
    pub resume: ClientResume,
}

/// The rejection of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectRejection {
    /// Socket.IO: a CONNECT_ERROR with a message and data in JSON.
    Refused(&'static str, String),
    /// Raw WebSocket: a close frame with a code and a reason.
    Closed(u16, String),
}

impl ConnectRejection {
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

impl RealtimeState {
    /// Authenticates the token of a CONNECT payload, or else the token of the handshake.
    ///
    /// # Errors
    /// The reason why the token is rejected.
    pub fn identify(&self, auth: ConnectAuth, handshake_token: Option<&str>) -> Result<Identity, AuthError> {
        self.tokens.authenticator.identify_socket(auth, handshake_token, (self.clock)().0.div_euclid(1_000_000))
    }

    /// Counts a new socket of an authenticated user. The inputs are the connection, the socket's id, the identity, and the way in which the client
    /// connects. Sends an online event if the user comes online with this socket.
    ///
    /// # Errors
    /// If the user has as many connections as a user may have.
    pub fn authorize(
        &self,
        connection: ConnectionId,
        id: Option<Id>,
        identity: Identity,
        resume: &ClientResume,
    ) -> Result<AuthorizedConnect, AuthError> {
        let actor = Actor { user: identity.user.clone(), admin: identity.admin };
        let most = match connection.transport() {
            Transport::SocketIo => self.limits.socketio_connections,
            Transport::Raw => self.limits.raw_connections,
        };
        // A connection that is resumed here may still be counted on the node where it was before.
        let is_counted_elsewhere = most.is_some() && resume.secret().is_none();
        let elsewhere =
            if is_counted_elsewhere { self.presence.online_users.count_elsewhere(&actor.user, connection.transport()) } else { 0 };
        let most = most.map(|most| most.saturating_sub(elsewhere));
        let connection_id = || id.map(|id| id.text()).unwrap_or_default();
        let send_online = || self.publish_presence(EphemeralEvent::Online { user: actor.user.clone(), connection: connection_id() });
        let known_by = id.filter(|_| self.presence.is_broadcast);
        self.presence
            .online_users
            .connect(&actor.user, connection, known_by, most, send_online)
            .map_err(|_| AuthError::TooManyConnections)?;
        let ends = self.tokens.closes_at_expiry.then(|| self.expiry_of(&identity)).flatten();
        Ok(AuthorizedConnect { actor, claims: claims(identity), ends })
    }

    /// The rooms that an accepted socket joins without a request, each with the offset after which its user is a member. The first is the
    /// inbox.
    pub fn rooms_to_join(&self, namespace: Namespace, outcome: &ConnectOutcome) -> Vec<(RoomId, i64)> {
        let households = outcome.households.iter().filter(|(room, _)| self.contracts.auto_join(namespace, room));
        [(RoomId::inbox(&outcome.user.user.id), 0)].into_iter().chain(households.cloned()).collect()
    }

    /// The first messages to a socket of a loaded user in a namespace; `id` is the socket's id.
    pub fn greetings(&self, namespace: Namespace, id: &str, ensured: &EnsuredUser) -> Vec<OutboundMessage> {
        let now = (self.clock)();
        let contracts = self.contracts.in_namespace(namespace).iter();
        contracts.filter_map(|contract| contract.greeting(&ensured.user, id, now)).collect()
    }
}

impl RealtimeApp {
    pub(super) fn handle_connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let transport = if request.namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        if let Err(error) = shard.handshake_mut(socket).map_or(Ok(()), |handshake| self.count_attempt(handshake)) {
            return self.close_rate_limited(shard, socket, transport, &error);
        }
        let Some(handshake) = shard.handshake_mut(socket) else { return };
        let mut auth = ConnectAuth::read(request.auth);
        let hint = match handshake.take_since() {
            Some(since) if transport == Transport::Raw => ResumeHint::Position(since.into()),
            _ => auth.resume_hint(),
        };
        let identity = match self.state.identify(auth, handshake.token()) {
            Ok(identity) => identity,
            Err(why) => return self.reject_connect(shard, socket, transport, why),
        };
        if transport == Transport::Raw {
            // Such a client may send as soon as its socket is open; its messages wait until it is accepted.
            shard.pause(socket);
        }
        match hint {
            ResumeHint::Session { secret, offset } if may_recover(shard, socket) => {
                self.take_over(shard, socket, identity, &secret, offset)
            }
            ResumeHint::Session { .. } | ResumeHint::Nowhere => self.start_session(shard, socket, identity, ClientResume::New),
            ResumeHint::Position(since) => self.start_session(shard, socket, identity, ClientResume::Since(since)),
        }
    }

    /// Loads an authenticated user and the state of a resumed socket, in the writer's order.
    pub(super) fn start_session(&mut self, shard: &mut Shard<Self>, socket: SocketKey, identity: Identity, resume: ClientResume) {
        let Some(handshake) = shard.handshake(socket) else { return };
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let transport = if namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        let connection = ConnectionId::new(handshake.number, transport);
        let id = shard.id(socket);
        let AuthorizedConnect { actor, claims, ends } = match self.state.authorize(connection, id, identity, &resume) {
            Ok(authorized) => authorized,
            Err(why) => return self.reject_connect(shard, socket, transport, why),
        };
        // A client with a position receives the missed events of one room after the other: its last position does not tell which rooms it
        // has read. It tracks its own position, so it gets no secret.
        let tracks_position = matches!(resume, ClientResume::Since(_));
        let secret = (may_recover(shard, socket) && !tracks_position).then(|| shard.new_secret(socket));
        let id = id.map(|id| id.text()).unwrap_or_default();
        let new_session = secret.map(|secret| NewSession { secret: secret.text(), id, namespace: self.name_of(namespace).to_owned() });
        let command = ConnectSession { claims: claims.clone(), new_session, resume: self.state.resume_request(&resume) };
        let session = SocketData::new(actor.clone(), connection, shard.now());
        let (old, shared) = (resume.secret(), Arc::clone(&self.state));
        let work = move |context: &mut CommandContext<'_>| {
            let outcome = command.execute(context)?;
            if let Some(old) = old.filter(|_| outcome.resumed.is_some()) {
                shared.sessions.pending_ends.mark_resumed(old);
            }
            Ok(outcome)
        };
        let pending = PendingConnect { socket, session, ends, resume };
        let on_shard = self.run_on_shard(shard);
        self.state.store.writer.submit(actor, work, move |outcome| {
            on_shard(Box::new(move |app, shard| {
                if let Some(old) = old.filter(|_| outcome.is_err()) {
                    app.state.sessions.pending_ends.mark_disconnected(old);
                }
                app.complete_connect(shard, pending, secret, claims, outcome);
            }));
        });
    }

    /// Accepts a socket whose user was loaded, or rejects it.
    fn complete_connect(
        &mut self,
        shard: &mut Shard<Self>,
        pending: PendingConnect,
        secret: Option<Id>,
        claims: Claims,
        outcome: Result<ConnectOutcome, DomainError>,
    ) {
        match outcome {
            Ok(outcome) if outcome.resumed.is_some() => self.accept_resumed(shard, pending, outcome),
            Ok(outcome) => self.accept_new(shard, pending, secret, outcome),
            // Nothing can be written. A user who is stored already is accepted all the same, but the socket cannot be resumed later. One of
            // several nodes does not accept it: its client would lose the session that another node, or this one a moment later, can resume.
            Err(DomainError::Unavailable(_)) if secret.is_some() && self.state.node.is_none() => {
                self.start_without_session(shard, pending, claims)
            }
            Err(error) => self.fail_connect(shard, &pending, &error),
        }
    }

    /// Accepts a socket without storing a session for it.
    fn start_without_session(&mut self, shard: &mut Shard<Self>, pending: PendingConnect, claims: Claims) {
        let (on_shard, actor) = (self.run_on_shard(shard), pending.session.actor.clone());
        let pending = PendingConnect { resume: ClientResume::New, ..pending };
        self.state.store.writer.run(actor, ConnectSession { claims, new_session: None, resume: ResumeRequest::New }, move |outcome| {
            on_shard(Box::new(move |app, shard| match outcome {
                Ok(outcome) => app.accept_new(shard, pending, None, outcome),
                Err(error) => app.fail_connect(shard, &pending, &error),
            }));
        });
    }

    /// Counts a request to connect to a namespace. The handshake has paid for one request to each namespace. Each further one counts as a
    /// new attempt of the address: otherwise one connection could try tokens, or connect and disconnect, without limit.
    fn count_attempt(&self, handshake: &mut Handshake) -> Result<(), DomainError> {
        handshake.connects = handshake.connects.saturating_add(1);
        let paid = handshake.connects as usize <= self.engine.config().namespaces.len();
        if paid { Ok(()) } else { self.state.limits.rates.connect(handshake.address().ip()) }
    }

    /// Counts a request for an unknown namespace like any other.
    pub(super) fn check_unknown_namespace(&mut self, handshake: &mut Handshake) -> Result<(), engine::HandshakeRejection> {
        self.count_attempt(handshake).map_err(|error| {
            audit::rejected(None, handshake.address(), "namespace", error.code());
            self.counters.count_rejected_connect(error.code());
            rate_limited(&error)
        })
    }

    /// Closes the whole connection, with all its sockets, because the address has made too many attempts.
    fn close_rate_limited(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, error: &DomainError) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::rejected(None, handshake.address(), transport_name(shard, socket, transport), error.code());
        }
        self.counters.count_rejected_connect(error.code());
        shard.close(socket, TOO_MANY_CONNECTIONS.code, &error.to_string());
    }

    fn reject_connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, why: AuthError) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::rejected(None, handshake.address(), transport_name(shard, socket, transport), why.log_text());
        }
        self.counters.count_rejected_connect(why.code());
        match ConnectRejection::of(transport, why) {
            ConnectRejection::Refused(message, data) => reject(shard, socket, message, &data),
            ConnectRejection::Closed(code, reason) => shard.close(socket, code, &reason),
        }
    }

    /// The user of a connection was deleted, or the store failed.
    pub(super) fn fail_connect(&mut self, shard: &mut Shard<Self>, pending: &PendingConnect, error: &DomainError) {
        let PendingConnect { socket, session, .. } = pending;
        self.end_presence(shard, &session.actor.user, session.connection);
        if *error == DomainError::UserDeleted {
            return self.reject_connect(shard, *socket, session.connection.transport(), AuthError::UserDeleted);
        }
        self.counters.count_rejected_connect(error.code());
        if logging::admits(Level::ERROR, None, "failed to load the user of a connection", error.code(), MAX_FAULT_LINES) {
            tracing::error!(%error, "failed to load the user of a connection");
        }
        // A stock client whose connection is closed connects again by itself, through a load balancer to another node. A rejected one does not.
        let is_temporary = matches!(error, DomainError::Unavailable(_)) && self.state.node.is_some();
        match session.connection.transport() {
            Transport::SocketIo if is_temporary => {
                shard.close(*socket, INTERNAL_ERROR.code, "The server cannot do this now; try again later")
            }
            Transport::SocketIo => reject(shard, *socket, "Server error", &format!(r#"{{"code":"{}"}}"#, error.code())),
            Transport::Raw => shard.close(*socket, INTERNAL_ERROR.code, "Internal Server Error"),
        }
    }

    /// Accepts the socket, greets it, replays the events after its client's position, and joins its rooms.
    pub(super) fn accept_new(&mut self, shard: &mut Shard<Self>, pending: PendingConnect, secret: Option<Id>, outcome: ConnectOutcome) {
        let PendingConnect { socket, session, ends, resume } = pending;
        let (actor, connection) = (session.actor.clone(), session.connection);
        let session = SocketData { secret, received_at_connect: outcome.position as u64, ..session };
        let accepted = match secret {
            Some(secret) => shard.accept_recoverable(socket, session, secret),
            None => shard.accept(socket, session),
        };
        if !accepted {
            // The client has disconnected while its user was loaded.
            self.end_presence(shard, &actor.user, connection);
            return self.forget(&actor, secret);
        }
        shard.resume(socket);
        self.send_greetings(shard, socket, ends, &outcome.user);
        self.catch_up_from(shard, socket, &resume, outcome.since);
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let rooms = self.state.rooms_to_join(namespace, &outcome);
        self.auto_join(shard, socket, &rooms, &outcome.visible_rooms);
        if resume.secret().is_some() {
            // The session could not be resumed, so the connections on other nodes were not counted.
            self.close_excess_connections(shard, &actor.user);
        }
    }

    /// Sends the first messages to an accepted socket. From here on it ends with its token if `ends` is set.
    pub(super) fn send_greetings(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ends: Option<Timestamp>, ensured: &EnsuredUser) {
        if let Some(ends) = ends {
            self.track_expiry(shard, socket, ends);
        }
        let Some(transport) = shard.data(socket).map(|session| session.connection.transport()) else { return };
        let id = shard.id(socket).map(|id| id.text()).unwrap_or_default();
        self.counters.count_connect();
        for greeting in self.state.greetings(shard.namespace(socket).unwrap_or(Namespace::PLAIN), &id, ensured) {
            shard.emit(socket, &greeting);
        }
        if let Some(handshake) = shard.handshake(socket) {
            audit::connected(&ensured.user.id, handshake.address(), transport_name(shard, socket, transport));
        }
    }

    pub(super) fn name_of(&self, namespace: Namespace) -> &str {
        self.engine.config().namespaces.get(usize::from(namespace.0)).map_or("", String::as_str)
    }
}

/// Rejects a socket with a message and data in JSON.
fn reject(shard: &mut Shard<RealtimeApp>, socket: SocketKey, message: &str, data: &str) {
    if let Err(error) = shard.reject(socket, message, Some(data)) {
        tracing::error!(%error, "failed to send a CONNECT_ERROR");
    }
}

/// Whether the client can resume this socket and receive positions with events.
fn may_recover(shard: &Shard<RealtimeApp>, socket: SocketKey) -> bool {
    shard.may_recover(socket) && shard.handshake(socket).is_some_and(|handshake| handshake.takes_positions)
}

/// The name of a connection's transport in the log.
pub(super) fn transport_name(shard: &Shard<RealtimeApp>, socket: SocketKey, transport: Transport) -> &'static str {
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
