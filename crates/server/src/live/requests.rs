//! What clients ask. One client's requests are decided and answered in the order in which it sent them: what needs the store goes through
//! the writer's queue, and what needs none is done at once, unless something of the same client is still on its way.

use std::borrow::Cow;
use std::sync::Arc;

use domain::event::Signal;
use domain::names::{Kind, Room};
use domain::refusal::Refusal;
use domain::seam::Notice;
use domain::spaces::require_member;
use engine::{Namespace, Shard, SocketKey};

use super::Live;
use super::session::MOST_IN_FLIGHT;
use crate::dialects::{self, Answer, Ask, Dialect, Heard, Outcome, Reply, Request};

/// Who asked what, and how the answer is to be given.
struct Asked {
    socket: SocketKey,
    dialect: Arc<dyn Dialect>,
    name: Cow<'static, str>,
    ack: Option<u64>,
}

/// Whether others are told who comes to a room and who goes. A household and an inbox are not entered but belonged to.
pub(super) fn is_attended(room: &Room) -> bool {
    !matches!(room.kind(), Kind::User | Kind::Household)
}

impl Live {
    pub(super) fn hear(&mut self, shard: &mut Shard<Self>, socket: SocketKey, heard: &Heard<'_>, ack: Option<u64>) {
        let Some(session) = shard.data(socket) else { return };
        let within_budget = self.shared.limits.command(&session.actor.person);
        let spoken = self.shared.dialects.spoken_in(shard.namespace(socket).unwrap_or(Namespace::PLAIN));
        let understood = spoken.iter().find_map(|dialect| Some((dialect.clone(), dialect.understand(heard)?)));
        match (understood, heard) {
            (Some((dialect, Request { name, ask })), _) => {
                let asked = Asked { socket, dialect, name, ack };
                match within_budget.and(ask) {
                    Ok(ask) => self.perform(shard, asked, ask),
                    Err(refusal) => self.in_order(shard, asked, move |live, shard, asked| live.answer(shard, &asked, Err(refusal))),
                }
            }
            (None, Heard::Event { name, .. }) => {
                let reply = dialects::unknown(name, ack.is_some());
                self.give(shard, socket, ack, reply);
            }
            (None, Heard::Text(_)) => {}
        }
    }

    fn perform(&mut self, shard: &mut Shard<Self>, asked: Asked, ask: Ask) {
        match ask {
            Ask::Ping => self.in_order(shard, asked, |live, shard, asked| live.answer(shard, &asked, Ok(Outcome::Pong))),
            Ask::Leave(room) => self.in_order(shard, asked, |live, shard, asked| {
                live.leave(shard, asked.socket, &room);
                live.answer(shard, &asked, Ok(Outcome::Left(room)));
            }),
            Ask::Enter(room) => {
                let work = {
                    let room = room.clone();
                    move |tx: &mut domain::operation::Tx<'_>| {
                        require_member(tx.store, tx.actor, &room)?;
                        tx.store.person(&tx.actor.person)?.ok_or(Refusal::NotFound("User"))
                    }
                };
                self.through_writer(shard, asked, work, move |live, shard, asked, person| {
                    let entered = person.map(|person| {
                        let first = shard.join(asked.socket, room.as_str()) && is_attended(&room);
                        (first && live.shared.attendance.enter(&room, &person)).then_some(person)
                    });
                    match entered {
                        Err(refusal) => live.answer(shard, &asked, Err(refusal)),
                        Ok(comes) => {
                            live.answer(shard, &asked, Ok(Outcome::Entered(room.clone())));
                            if let Some(person) = comes {
                                live.shared.bus.publish(Notice::Signal(Signal::Entered { room, person }.into()));
                            }
                        }
                    }
                });
            }
            Ask::Change(change) => self.through_writer(shard, asked, change, |live, shard, asked, value| {
                live.answer(shard, &asked, value.map(Outcome::Changed));
            }),
        }
    }

    /// Takes a socket out of a room. Others are told if it was the person's last one there.
    pub(super) fn leave(&mut self, shard: &mut Shard<Self>, socket: SocketKey, room: &Room) {
        let Some(person) = shard.data(socket).map(|session| session.actor.person.clone()) else { return };
        if room.kind() != Kind::User
            && shard.leave(socket, room.as_str())
            && is_attended(room)
            && self.shared.attendance.leave(room, &person)
        {
            self.tell_left(room.clone(), person);
        }
    }

    /// Does something that needs no store: now, or behind what this client has asked before.
    fn in_order(&mut self, shard: &mut Shard<Self>, asked: Asked, then: impl FnOnce(&mut Self, &mut Shard<Self>, Asked) + Send + 'static) {
        if shard.data(asked.socket).is_none_or(|session| session.in_flight == 0) {
            return then(self, shard, asked);
        }
        self.depart_to_writer(shard, asked.socket);
        let back = self.back(shard);
        // A writer that takes nothing more answers at once; the request is done all the same.
        self.shared.writer.submit_passthrough(move |_| {
            back(Box::new(move |live, shard| {
                live.returned(shard, asked.socket);
                then(live, shard, asked);
            }));
        });
    }

    /// Decides something in the writer's transaction, and goes on here when it is committed.
    fn through_writer<T: Send + 'static>(
        &mut self,
        shard: &mut Shard<Self>,
        asked: Asked,
        work: impl FnOnce(&mut domain::operation::Tx<'_>) -> Result<T, Refusal> + Send + 'static,
        then: impl FnOnce(&mut Self, &mut Shard<Self>, Asked, Result<T, Refusal>) + Send + 'static,
    ) {
        let Some(actor) = shard.data(asked.socket).map(|session| session.actor.clone()) else { return };
        self.depart_to_writer(shard, asked.socket);
        let back = self.back(shard);
        self.shared.writer.submit(actor, work, move |result| {
            back(Box::new(move |live, shard| {
                live.returned(shard, asked.socket);
                then(live, shard, asked, result);
            }));
        });
    }

    fn depart_to_writer(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        let Some(session) = shard.data_mut(socket) else { return };
        session.in_flight += 1;
        if session.in_flight >= MOST_IN_FLIGHT && !session.paused {
            session.paused = true;
            shard.pause(socket);
        }
    }

    fn returned(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        let Some(session) = shard.data_mut(socket) else { return };
        session.in_flight -= 1;
        if session.paused && session.in_flight <= MOST_IN_FLIGHT / 2 {
            session.paused = false;
            shard.resume(socket);
        }
    }

    fn answer(&mut self, shard: &mut Shard<Self>, asked: &Asked, result: Result<Outcome, Refusal>) {
        let Some(session) = shard.data(asked.socket) else { return };
        if let Err(refusal @ Refusal::Internal(_)) = &result {
            tracing::error!(%refusal, request = &*asked.name, "a request failed");
        }
        let reply = asked.dialect.answer(&Answer {
            name: &asked.name,
            result: result.as_ref(),
            acked: asked.ack.is_some(),
            person: &session.actor.person,
            now: (self.shared.clock)(),
        });
        self.give(shard, asked.socket, asked.ack, reply);
    }

    fn give(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ack: Option<u64>, reply: Reply) {
        if let (Some(id), Some(args)) = (ack, &reply.ack) {
            shard.ack(socket, id, args, &[]);
        }
        for saying in &reply.say {
            shard.emit(socket, saying);
        }
        if let Some((code, reason)) = reply.close {
            shard.close(socket, code, reason);
        }
    }
}
