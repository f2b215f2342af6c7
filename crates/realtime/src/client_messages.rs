//! From a client's message to a request: its contract, its budget, and the memory that it takes.

use std::borrow::Cow;
use std::sync::Arc;

use client_json::field_names::shared_field_name;
use contracts::error_codes::UNKNOWN_EVENT;
use contracts::{self, ClientMessage, Contract, ParsedRequest, Reply};
use domain::error::DomainError;
use domain::ids::UserId;
use engine::{Namespace, Shard, SocketKey};

use super::requests::RequestContext;
use super::{RealtimeApp, RealtimeState};

/// A request that no contract defines.
pub struct ParseFailure {
    /// The code under which it is counted.
    pub code: &'static str,
    /// The reply to the client.
    pub reply: Reply,
}

/// The most characters of a client's own name for an event that an error contains: enough to recognize it.
const MAX_NAME_CHARACTERS: usize = 64;

impl RealtimeState {
    /// Finds the contract of a client's message, and the request in it. A request over budget is rejected here.
    ///
    /// # Errors
    /// If no contract of the namespace defines the message. It counts against the budgets all the same, and its reply is sent in order.
    pub fn parse(
        &self,
        user: &UserId,
        namespace: Namespace,
        message: &ClientMessage<'_>,
        acked: bool,
    ) -> Result<(Arc<dyn Contract>, ParsedRequest), ParseFailure> {
        let budget = self.limits.rates.command(user);
        let contracts = self.contracts.in_namespace(namespace);
        let parsed = contracts.iter().find_map(|contract| {
            let request = contract.parse(message)?;
            Some((contract.clone(), request))
        });
        match (parsed, message) {
            (Some((contract, ParsedRequest { name, action })), _) => {
                // A request that is rejected here costs one command and none of the scarcer budgets.
                let action = budget.and(action).and_then(|action| {
                    contract.rate_limit_class(name).map_or(Ok(()), |class| self.limits.rates.check_class(user, class))?;
                    Ok(action)
                });
                Ok((contract, ParsedRequest { name, action }))
            }
            (None, ClientMessage::Event { name, .. }) => {
                let name = shortened(name);
                Err(match budget {
                    Err(error) => {
                        ParseFailure { code: error.code(), reply: contracts::error_reply(&name, &error, acked, shared_field_name) }
                    }
                    Ok(()) => ParseFailure { code: UNKNOWN_EVENT, reply: contracts::unknown_event_reply(&name, acked) },
                })
            }
            (None, ClientMessage::Text(_)) => Err(ParseFailure { code: UNKNOWN_EVENT, reply: Reply::default() }),
        }
    }

    /// The reply to a request that is rejected before it is parsed.
    fn rejected_unparsed(
        &self,
        user: &UserId,
        namespace: Namespace,
        message: &ClientMessage<'_>,
        error: &DomainError,
        acked: bool,
    ) -> Reply {
        match (message, self.contracts.in_namespace(namespace).first()) {
            (ClientMessage::Event { name, .. }, _) => contracts::error_reply(&shortened(name), error, acked, shared_field_name),
            (ClientMessage::Text(_), Some(contract)) => self.answer(&**contract, "message", user, Err(error), acked),
            (ClientMessage::Text(_), None) => Reply::default(),
        }
    }
}

impl RealtimeApp {
    pub(super) fn handle_client_message(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        message: &ClientMessage<'_>,
        ack: Option<u64>,
    ) {
        let Some(session) = shard.data(socket).filter(|_| !self.was_paused()) else { return };
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let parsed = match self.count_parsed(shard, socket, message) {
            Ok(parsed) => parsed,
            Err(error) => {
                // It costs a command like any other request.
                let error = self.state.limits.rates.command(&session.actor.user).err().unwrap_or(error);
                let reply = self.state.rejected_unparsed(&session.actor.user, namespace, message, &error, ack.is_some());
                self.counters.count_unknown_request(error.code());
                return self.in_order(shard, socket, move |app, shard| app.send_reply(shard, socket, ack, reply));
            }
        };
        match self.state.parse(&session.actor.user, namespace, message, ack.is_some()) {
            Ok((contract, request)) => {
                self.counters.count_request(&request);
                let ParsedRequest { name, action } = request;
                let context = RequestContext { socket, contract, name, ack, room: None, parsed };
                match action {
                    Ok(action) => self.execute(shard, context, action),
                    Err(error) => self.in_order(shard, socket, move |app, shard| app.answer(shard, &context, Err(error))),
                }
            }
            Err(ParseFailure { code, reply }) => {
                let user = shard.data(socket).map_or("", |session| session.actor.user.as_str());
                match message {
                    ClientMessage::Event { name, .. } => tracing::debug!(user, event = ?shortened(name), code, "unknown event"),
                    ClientMessage::Text(text) => tracing::debug!(user, bytes = text.len(), code, "malformed message"),
                }
                self.counters.count_unknown_request(code);
                self.in_order(shard, socket, move |app, shard| app.send_reply(shard, socket, ack, reply));
            }
        }
    }
}

/// A client's own name for an event, shortened, so that a reply does not return a megabyte that the client has sent.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(MAX_NAME_CHARACTERS) {
        None => Cow::Borrowed(name),
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
    }
}
