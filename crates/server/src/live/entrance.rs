//! From a request to be connected to a greeted socket: token, cap, person, rooms.

use domain::event::Signal;
use domain::names::{Room, Timestamp};
use domain::operation::Actor;
use domain::people::{Claims, Meet, Met};
use domain::refusal::Refusal;
use domain::seam::Notice;
use engine::{Connect, Namespace, Shard, SocketKey};

use super::{Live, Session};
use crate::audit;
use crate::auth::{ConnectAuth, Identity, Unauthenticated};
use crate::presence::Transport;

const AUTHENTICATION_FAILED: u16 = 4401;
const TOO_MANY_CONNECTIONS: u16 = 4429;
const INTERNAL_ERROR: u16 = 4500;

impl Live {
    pub(super) fn ask_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let now = (self.shared.clock)();
        let transport = if request.namespace == Namespace::PLAIN { Transport::Raw } else { Transport::SocketIo };
        let identity = match self.identify(shard, socket, &request, now) {
            Ok(identity) => identity,
            Err(why) => return self.turn_away(shard, socket, transport, why),
        };
        let actor = Actor { person: identity.person.clone(), admin: identity.admin };
        let most = match transport {
            Transport::SocketIo => self.shared.most_socketio,
            Transport::Raw => self.shared.most_raw,
        };
        let Ok(comes_online) = self.shared.people.arrive(&actor.person, transport, most) else {
            return self.turn_away(shard, socket, transport, Unauthenticated::TooManyConnections);
        };
        if comes_online && self.shared.tells_presence {
            let connection = shard.id(socket).map(|id| id.text()).unwrap_or_default();
            self.shared.bus.publish(Notice::Signal(Signal::Online { person: actor.person.clone(), connection }.into()));
        }
        if transport == Transport::Raw {
            // Such a client may speak as soon as its socket is open; what it says waits until it is let in.
            shard.pause(socket);
        }
        let back = self.back(shard);
        let session = Session { actor: actor.clone(), transport, since: shard.now(), in_flight: 0, paused: false };
        self.shared.writer.run(actor, Meet { claims: claims(identity) }, move |met| {
            back(Box::new(move |live, shard| live.let_in(shard, socket, session, met)));
        });
    }

    fn identify(&self, shard: &Shard<Self>, socket: SocketKey, request: &Connect<'_>, now: Timestamp) -> Result<Identity, Unauthenticated> {
        let kept = shard.handshake(socket).and_then(|handshake| handshake.token.as_deref());
        self.shared.authenticator.identify_socket(ConnectAuth::read(request.auth), kept, now.0.div_euclid(1_000_000))
    }

    fn turn_away(&self, shard: &mut Shard<Self>, socket: SocketKey, transport: Transport, why: Unauthenticated) {
        if let Some(handshake) = shard.handshake(socket) {
            audit::refused(None, handshake.address, transport_name(shard, socket, transport), why.code());
        }
        match transport {
            Transport::SocketIo => {
                shard.refuse(socket, "Authentication error", Some(&format!(r#"{{"code":"{}"}}"#, why.code())));
            }
            Transport::Raw => {
                let code = if why == Unauthenticated::TooManyConnections { TOO_MANY_CONNECTIONS } else { AUTHENTICATION_FAILED };
                shard.close(socket, code, &why.to_string());
            }
        }
    }

    /// The person is met: the socket is let in, into its rooms, and greeted.
    fn let_in(&mut self, shard: &mut Shard<Self>, socket: SocketKey, session: Session, met: Result<Met, Refusal>) {
        let (actor, transport) = (session.actor.clone(), session.transport);
        let met = match met {
            Ok(met) if shard.accept(socket, session) => met,
            // The client has gone meanwhile, or the store could not be asked.
            other => {
                self.count_out(shard, &actor.person, transport);
                if let Err(refusal) = other {
                    tracing::error!(%refusal, "a person could not be met");
                    match transport {
                        Transport::SocketIo => shard.refuse(socket, "Server error", Some(&format!(r#"{{"code":"{}"}}"#, refusal.code()))),
                        Transport::Raw => shard.close(socket, INTERNAL_ERROR, "Internal Server Error"),
                    }
                }
                return;
            }
        };
        shard.resume(socket);
        shard.join(socket, Room::inbox(&actor.person).as_str());
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let now = (self.shared.clock)();
        let shared = self.shared.clone();
        let dialects = shared.dialects.spoken_in(namespace);
        for room in &met.households {
            if dialects.iter().any(|dialect| dialect.joins_by_itself(room)) {
                shard.join(socket, room.as_str());
            }
        }
        for greeting in dialects.iter().filter_map(|dialect| dialect.greeting(&met.person, now)) {
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

fn claims(identity: Identity) -> Claims {
    Claims {
        name: identity.name,
        username: identity.username,
        email: identity.email,
        household: identity.household,
        issued_at: identity.issued_at.map(|seconds| Timestamp(seconds.saturating_mul(1_000_000))),
    }
}
