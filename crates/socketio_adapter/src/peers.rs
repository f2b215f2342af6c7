//! What a host does with the sockets of the other servers in a namespace.

use std::sync::Arc;
use std::time::Duration;

use crate::channels::Channels;
use crate::codec::request::{self, Request};
use crate::codec::response::AckResponse;
use crate::codec::{EncodeError, broadcast};
use crate::ids::random_id;
use crate::message::{Broadcast, Event, Payload, Selection, SocketDetails};
use crate::pending::{Collect, PendingRequests, Responses, Wait};
use crate::publisher::Publisher;
use crate::stats::AdapterStats;

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The message cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Too many messages wait for Redis.
    #[error("too many messages wait for Redis")]
    QueueIsFull,
}

/// Why a request has no responses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The request was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// There is no connection to Redis, so the number of servers is not known.
    #[error("there is no connection to Redis")]
    NotConnected,
    /// Too many requests wait for responses.
    #[error("too many requests wait for responses")]
    TooManyRequests,
}

/// The other servers of the cluster, in one namespace. Cheap to clone.
///
/// Every method concerns the sockets of the other servers only. Messages are sent in the order of the calls. While Redis is away they wait
/// in a queue with a bound.
#[derive(Clone)]
pub struct Peers(pub(crate) Arc<PeersState>);

pub(crate) struct PeersState {
    pub uid: Arc<str>,
    pub namespace: String,
    pub channels: Channels,
    pub publisher: Publisher,
    pub pending: Arc<PendingRequests>,
    pub request_timeout: Duration,
}

impl Peers {
    /// Sends an event to the selected sockets. A broadcast with [`Flags::local`](crate::Flags::local) is not sent.
    ///
    /// # Errors
    /// If clients would reject the event, or the queue is full.
    pub fn broadcast(&self, message: &Broadcast) -> Result<(), SendError> {
        if message.flags.local {
            return Ok(());
        }
        let bytes = broadcast::encode(&self.0.uid, &self.0.namespace, message)?;
        self.publish(self.0.channels.broadcast(&message.to.rooms), bytes)
    }

    /// Adds the selected sockets to rooms.
    ///
    /// # Errors
    /// If the queue is full.
    pub fn join(&self, sockets: Selection, rooms: Vec<String>) -> Result<(), SendError> {
        self.send(&Request::Join(sockets, rooms))
    }

    /// Removes the selected sockets from rooms.
    ///
    /// # Errors
    /// If the queue is full.
    pub fn leave(&self, sockets: Selection, rooms: Vec<String>) -> Result<(), SendError> {
        self.send(&Request::Leave(sockets, rooms))
    }

    /// Disconnects the selected sockets from the namespace, and closes their connections if `close` is true.
    ///
    /// # Errors
    /// If the queue is full.
    pub fn disconnect(&self, sockets: Selection, close: bool) -> Result<(), SendError> {
        self.send(&Request::Disconnect(sockets, close))
    }

    /// Sends an event to the servers themselves.
    ///
    /// # Errors
    /// If the event is not valid, or the queue is full.
    pub fn server_side_emit(&self, event: Event) -> Result<(), SendError> {
        self.send(&Request::ServerSideEmit(event))
    }

    /// The counters of the adapter.
    pub fn stats(&self) -> AdapterStats {
        self.0.publisher.counters().snapshot()
    }

    /// The number of servers that have this namespace, with this one.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn server_count(&self) -> Result<u64, RequestError> {
        let mut connection = self.0.publisher.connection().ok_or(RequestError::NotConnected)?;
        let mut command = redis::cmd("PUBSUB");
        command.arg("NUMSUB").arg(self.0.channels.request());
        let counts: Result<Vec<(String, u64)>, _> = command.query_async(&mut connection).await;
        let counts = counts.map_err(|_| RequestError::NotConnected)?;
        Ok(counts.first().map_or(0, |(_, count)| *count))
    }

    /// The ids of the sockets in at least one of the rooms; without rooms of all sockets.
    ///
    /// # Errors
    /// If the request cannot be sent. A server that does not respond is no error: see [`Responses::is_complete`].
    pub async fn socket_ids(&self, rooms: Vec<String>) -> Result<Responses<String>, RequestError> {
        self.ask(&Request::Sockets(rooms), |response, progress| {
            progress.servers += 1;
            progress.values.extend(response.socket_ids()?);
            Ok(())
        })
        .await
    }

    /// The names of all rooms that have a socket.
    ///
    /// # Errors
    /// As [`Peers::socket_ids`].
    pub async fn rooms(&self) -> Result<Responses<String>, RequestError> {
        self.ask(&Request::AllRooms, |response, progress| {
            progress.servers += 1;
            progress.values.extend(response.rooms()?);
            Ok(())
        })
        .await
    }

    /// The details of the selected sockets.
    ///
    /// # Errors
    /// As [`Peers::socket_ids`].
    pub async fn fetch_sockets(&self, sockets: Selection) -> Result<Responses<SocketDetails>, RequestError> {
        self.ask(&Request::Fetch(sockets), |response, progress| {
            progress.servers += 1;
            progress.values.extend(response.sockets()?);
            Ok(())
        })
        .await
    }

    /// Sends an event to the servers themselves, and waits for an answer of each.
    ///
    /// # Errors
    /// As [`Peers::socket_ids`], or if the event is not valid.
    pub async fn server_side_emit_with_ack(&self, event: Event) -> Result<Responses<Payload>, RequestError> {
        self.ask(&Request::ServerSideEmit(event), |response, progress| {
            progress.servers += 1;
            progress.values.push(response.answer());
            Ok(())
        })
        .await
    }

    /// Sends an event to the selected sockets, and waits for the acknowledgement of each: as long as [`Flags::timeout`](crate::Flags), or
    /// the request timeout. The values are the first arguments of the acknowledgements.
    ///
    /// # Errors
    /// As [`Peers::socket_ids`], or if clients would reject the event.
    pub async fn broadcast_with_ack(&self, message: Broadcast) -> Result<Responses<Payload>, RequestError> {
        if message.flags.local {
            return Ok(Responses::none());
        }
        let timeout = message.flags.timeout.unwrap_or(self.0.request_timeout);
        let collect: Collect<Payload> = |response, progress| {
            match response.ack()? {
                AckResponse::ClientCount(count) => {
                    progress.servers += 1;
                    progress.announced = Some(progress.announced.unwrap_or(0).saturating_add(count));
                }
                AckResponse::Ack(payload) => progress.values.push(payload),
            }
            Ok(())
        };
        self.ask_for(&Request::BroadcastWithAck(message), collect, true, timeout).await
    }

    async fn ask<T: Send + 'static>(&self, request: &Request, collect: Collect<T>) -> Result<Responses<T>, RequestError> {
        self.ask_for(request, collect, false, self.0.request_timeout).await
    }

    async fn ask_for<T: Send + 'static>(
        &self,
        request: &Request,
        collect: Collect<T>,
        has_announcements: bool,
        timeout: Duration,
    ) -> Result<Responses<T>, RequestError> {
        let id = random_id();
        let bytes = request::encode(&self.0.uid, Some(&id), &self.0.namespace, request).map_err(SendError::from)?;
        let expected_servers = self.server_count().await?.saturating_sub(1);
        if expected_servers == 0 {
            return Ok(Responses::none());
        }
        let wait = Wait { expected_servers, collect, has_announcements };
        let waiting = self.0.pending.register(&id, &wait).map_err(|_| RequestError::TooManyRequests)?;
        self.publish(self.0.channels.request().to_owned(), bytes)?;
        Ok(waiting.responses(timeout).await)
    }

    fn send(&self, request: &Request) -> Result<(), SendError> {
        let bytes = request::encode(&self.0.uid, None, &self.0.namespace, request)?;
        self.publish(self.0.channels.request().to_owned(), bytes)
    }

    fn publish(&self, channel: String, bytes: Vec<u8>) -> Result<(), SendError> {
        if self.0.publisher.publish(channel, bytes) { Ok(()) } else { Err(SendError::QueueIsFull) }
    }
}
