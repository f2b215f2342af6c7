//! From a client's message to a request: its contract, its budget, and the memory that it takes.

use std::borrow::Cow;
use std::sync::Arc;

use domain::ids::UserId;
use domain::error::DomainError;
use engine::{Namespace, Shard, SocketKey};

use super::requests::Asked;
use super::{Live, Shared};
use crate::contracts::responses::UNKNOWN_EVENT;
use crate::contracts::{self, Contract, ClientMessage, Reply, ParsedRequest};

/// A request that no contract defines.
pub struct NotUnderstood {
    /// The code under which it is counted.
    pub code: &'static str,
    /// The reply to the client.
    pub reply: Reply,
}

/// The most characters of a client's own name for an event that a refusal contains: enough to recognize it.
const LONGEST_NAME: usize = 64;

impl Shared {
    /// Finds the contract of a client's message, and the request in it. A request over budget is refused here.
    ///
    /// # Errors
    /// If no contract of the namespace defines the message. It counts against the budgets all the same, and its reply is sent in order.
    pub fn understand(
        &self,
        person: &UserId,
        namespace: Namespace,
        heard: &ClientMessage<'_>,
        acked: bool,
    ) -> Result<(Arc<dyn Contract>, ParsedRequest), NotUnderstood> {
        let within_budget = self.limits.command(person);
        let spoken = self.dialects.in_namespace(namespace);
        let understood = spoken.iter().find_map(|dialect| {
            let request = dialect.parse(heard)?;
            Some((dialect.clone(), request))
        });
        match (understood, heard) {
            (Some((dialect, ParsedRequest { name, ask })), _) => {
                // A request that is refused here costs one command and none of the scarcer budgets.
                let ask = within_budget.and(ask).and_then(|ask| {
                    dialect.rate_limit_class(name).map_or(Ok(()), |spending| self.limits.check_class(person, spending))?;
                    Ok(ask)
                });
                Ok((dialect, ParsedRequest { name, ask }))
            }
            (None, ClientMessage::Event { name, .. }) => {
                let name = shortened(name);
                Err(match within_budget {
                    Err(refusal) => NotUnderstood { code: refusal.code(), reply: contracts::error_reply(&name, &refusal, acked) },
                    Ok(()) => NotUnderstood { code: UNKNOWN_EVENT, reply: contracts::unknown_event_reply(&name, acked) },
                })
            }
            (None, ClientMessage::Text(_)) => Err(NotUnderstood { code: UNKNOWN_EVENT, reply: Reply::default() }),
        }
    }

    /// The answer to a request that is refused before it is parsed.
    fn refused_unread(&self, person: &UserId, namespace: Namespace, heard: &ClientMessage<'_>, refusal: &DomainError, acked: bool) -> Reply {
        match (heard, self.dialects.in_namespace(namespace).first()) {
            (ClientMessage::Event { name, .. }, _) => contracts::error_reply(&shortened(name), refusal, acked),
            (ClientMessage::Text(_), Some(dialect)) => self.answer(&**dialect, "message", person, Err(refusal), acked),
            (ClientMessage::Text(_), None) => Reply::default(),
        }
    }
}

impl Live {
    pub(super) fn hear(&mut self, shard: &mut Shard<Self>, socket: SocketKey, heard: &ClientMessage<'_>, ack: Option<u64>) {
        let Some(session) = shard.data(socket) else { return };
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let parsed = match self.count_parsed(shard, socket, heard) {
            Ok(parsed) => parsed,
            Err(refusal) => {
                // It costs a command like any other request.
                let refusal = self.shared.limits.command(&session.actor.person).err().unwrap_or(refusal);
                let reply = self.shared.refused_unread(&session.actor.person, namespace, heard, &refusal, ack.is_some());
                self.tally.heard_unknown(refusal.code());
                return self.in_order(shard, socket, move |live, shard| live.give(shard, socket, ack, reply));
            }
        };
        match self.shared.understand(&session.actor.person, namespace, heard, ack.is_some()) {
            Ok((dialect, request)) => {
                self.tally.heard(&request);
                let ParsedRequest { name, ask } = request;
                let asked = Asked { socket, dialect, name, ack, parsed };
                match ask {
                    Ok(ask) => self.perform(shard, asked, ask),
                    Err(refusal) => self.in_order(shard, socket, move |live, shard| live.answer(shard, &asked, Err(refusal))),
                }
            }
            Err(NotUnderstood { code, reply }) => {
                let person = shard.data(socket).map_or("", |session| session.actor.person.as_str());
                match heard {
                    ClientMessage::Event { name, .. } => tracing::debug!(person, event = ?shortened(name), code, "unknown event"),
                    ClientMessage::Text(text) => tracing::debug!(person, bytes = text.len(), code, "malformed message"),
                }
                self.tally.heard_unknown(code);
                self.in_order(shard, socket, move |live, shard| live.give(shard, socket, ack, reply));
            }
        }
    }
}

/// A client's own name for an event, shortened, so that a reply does not return a megabyte that the client has sent.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        None => Cow::Borrowed(name),
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
    }
}
