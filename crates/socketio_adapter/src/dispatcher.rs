//! Passes the messages of other servers to the host, one after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::Msg;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::codec::request::{Request, RequestMessage};
use crate::codec::{DecodeError, EncodeError, broadcast, request, response};
use crate::local_namespace::{Answer, LocalNamespace};
use crate::peers::PeersState;
use crate::replies::{AckSink, Reply, ReplyAddress};
use crate::stats::{Counters, add};
use crate::subscriber::Inbox;

/// Answers that the host computes at the same time. A request beyond them is dropped and counted, and its sender's time ends.
const MAX_ANSWERS: usize = 1024;

/// A namespace of the host.
pub(crate) struct HostedNamespace {
    pub local: Arc<dyn LocalNamespace>,
    pub state: Arc<PeersState>,
}

/// What a channel carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Carries {
    Broadcasts,
    Requests,
    Responses,
}

impl Carries {
    const fn name(self) -> &'static str {
        match self {
            Self::Broadcasts => "broadcast",
            Self::Requests => "request",
            Self::Responses => "response",
        }
    }
}

/// The task that handles the messages.
pub(crate) struct Dispatcher {
    namespaces: Vec<HostedNamespace>,
    /// The namespace of each subscription. A subscription to a pattern has its pattern as the key.
    subscriptions: HashMap<String, (usize, Carries)>,
    answers: Arc<Semaphore>,
    counters: Arc<Counters>,
}

impl Dispatcher {
    pub fn new(namespaces: Vec<HostedNamespace>, counters: Arc<Counters>) -> Self {
        let mut subscriptions = HashMap::new();
        for (index, namespace) in namespaces.iter().enumerate() {
            let channels = &namespace.state.channels;
            subscriptions.insert(channels.broadcast_pattern(), (index, Carries::Broadcasts));
            subscriptions.insert(channels.request().to_owned(), (index, Carries::Requests));
            subscriptions.insert(channels.response().to_owned(), (index, Carries::Responses));
            subscriptions.insert(channels.own_response().to_owned(), (index, Carries::Responses));
        }
        Self { namespaces, subscriptions, answers: Arc::new(Semaphore::new(MAX_ANSWERS)), counters }
    }

    /// The patterns to subscribe to.
    pub fn patterns(&self) -> Vec<String> {
        self.subscribed(|carries| carries == Carries::Broadcasts)
    }

    /// The channels to subscribe to.
    pub fn channels(&self) -> Vec<String> {
        self.subscribed(|carries| carries != Carries::Broadcasts)
    }

    fn subscribed(&self, is_wanted: impl Fn(Carries) -> bool) -> Vec<String> {
        self.subscriptions.iter().filter(|(_, (_, carries))| is_wanted(*carries)).map(|(name, _)| name.clone()).collect()
    }

    /// Handles messages until the subscriber ends.
    pub async fn run(self, mut inbox: Inbox) {
        while let Some(message) = inbox.next().await {
            self.handle(&message);
        }
    }

    fn handle(&self, message: &Msg) {
        let channel = message.get_channel_name();
        let pattern = message.from_pattern().then(|| message.get_pattern::<String>().unwrap_or_default());
        let Some((index, carries)) = self.subscriptions.get(pattern.as_deref().unwrap_or(channel)) else { return };
        let namespace = &self.namespaces[*index];
        let bytes = message.get_payload_bytes();
        let result = match carries {
            Carries::Broadcasts => self.broadcast(namespace, channel, bytes),
            Carries::Requests => self.request(namespace, bytes),
            Carries::Responses => namespace.state.pending.receive(bytes),
        };
        if let Err(error) = result {
            self.counters.count_garbage(carries.name(), &error);
        }
    }

    fn broadcast(&self, namespace: &HostedNamespace, channel: &str, bytes: &[u8]) -> Result<(), DecodeError> {
        let room = namespace.state.channels.room_of(channel).unwrap_or_default();
        if !room.is_empty() && !namespace.local.has_room(room) {
            return Ok(());
        }
        let message = broadcast::decode(bytes)?;
        if *message.uid != *namespace.state.uid && message.namespace == namespace.state.namespace {
            namespace.local.broadcast(message.broadcast);
        }
        Ok(())
    }

    fn request(&self, namespace: &HostedNamespace, bytes: &[u8]) -> Result<(), DecodeError> {
        let RequestMessage { uid, id, request, namespace: _ } = request::decode(bytes)?;
        if uid.as_deref() == Some(&*namespace.state.uid) {
            return Ok(());
        }
        let local = &namespace.local;
        match (request, id) {
            (Request::Join(sockets, rooms), id) => {
                self.confirm(namespace, id, &sockets.rooms);
                local.join(sockets, rooms);
            }
            (Request::Leave(sockets, rooms), id) => {
                self.confirm(namespace, id, &sockets.rooms);
                local.leave(sockets, rooms);
            }
            (Request::Disconnect(sockets, close), id) => {
                self.confirm(namespace, id, &sockets.rooms);
                local.disconnect(sockets, close);
            }
            (Request::ServerSideEmit(event), id) => {
                let reply = id.map(|id| Reply(reply_address(namespace, &id)));
                local.server_side_emit(event, reply);
            }
            (_, None) => return Err(DecodeError::Field { field: "requestId", expected: "a text, because the request expects a response" }),
            (Request::Sockets(rooms), Some(id)) => {
                self.answer(namespace, &id, local.socket_ids(rooms), |id, ids| Ok(response::encode_socket_ids(id, &ids)));
            }
            (Request::AllRooms, Some(id)) => {
                self.answer(namespace, &id, local.rooms(), |id, rooms| Ok(response::encode_rooms(id, &rooms)));
            }
            (Request::Fetch(sockets), Some(id)) => {
                self.answer(namespace, &id, local.fetch_sockets(sockets), |id, sockets| response::encode_sockets(id, &sockets));
            }
            (Request::BroadcastWithAck(broadcast), Some(id)) => {
                local.broadcast_with_ack(broadcast, AckSink(reply_address(namespace, &id)));
            }
        }
        Ok(())
    }

    /// Confirms that a socket of this server joins, leaves, or is disconnected. Only servers before version 7 of Node's adapter ask for it,
    /// and only for one socket; the server that has the socket responds.
    fn confirm(&self, namespace: &HostedNamespace, id: Option<String>, sockets: &[String]) {
        let Some(id) = id else { return };
        let has_socket = namespace.local.socket_ids(sockets.to_vec());
        self.answer_if(namespace, &id, has_socket, |id, sockets| Ok((!sockets.is_empty()).then(|| response::encode_done(id))));
    }

    fn answer<T: Send + 'static>(
        &self,
        namespace: &HostedNamespace,
        id: &str,
        answer: Answer<T>,
        encode: fn(&str, T) -> Result<Vec<u8>, EncodeError>,
    ) {
        self.answer_if(namespace, id, answer, move |id, value| encode(id, value).map(Some));
    }

    /// Sends the host's answer as soon as the host has it.
    fn answer_if<T: Send + 'static>(
        &self,
        namespace: &HostedNamespace,
        id: &str,
        answer: Answer<T>,
        encode: impl FnOnce(&str, T) -> Result<Option<Vec<u8>>, EncodeError> + Send + 'static,
    ) {
        let Ok(permit) = self.answers.clone().try_acquire_owned() else {
            add(&self.counters.dropped_incoming, 1);
            return;
        };
        let (address, counters) = (reply_address(namespace, id), self.counters.clone());
        let patience: Duration = namespace.state.request_timeout;
        tokio::spawn(async move {
            match timeout(patience, answer).await.map(|value| encode(&address.request_id, value)) {
                Ok(Ok(Some(message))) => address.send(message),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => counters.count_unencodable(&error),
                Err(_) => add(&counters.late_answers, 1),
            }
            drop(permit);
        });
    }
}

fn reply_address(namespace: &HostedNamespace, id: &str) -> ReplyAddress {
    let state = &namespace.state;
    // All servers read this channel; that of one server alone is newer than version 7 of Node's adapter.
    ReplyAddress { publisher: state.publisher.clone(), channel: state.channels.response().into(), request_id: id.into() }
}
