//! What a host uses to answer: the acknowledgements of a broadcast, and the answer to an event for servers.

use std::sync::Arc;

use crate::codec::response;
use crate::message::Payload;
use crate::publisher::Publisher;
use crate::stats::Counters;

/// Where the responses to one request go.
#[derive(Clone)]
pub(crate) struct ReplyAddress {
    pub publisher: Publisher,
    pub channel: Arc<str>,
    pub request_id: Arc<str>,
}

impl ReplyAddress {
    pub fn send(&self, message: Vec<u8>) {
        self.publisher.publish(self.channel.to_string(), message);
    }

    fn counters(&self) -> &Counters {
        self.publisher.counters()
    }
}

/// Takes the responses to a broadcast that clients acknowledge. A clone belongs into the acknowledgement callback of each client.
///
/// The server that sent the broadcast ignores what arrives after its timeout.
#[derive(Clone)]
pub struct AckSink(pub(crate) ReplyAddress);

impl AckSink {
    /// Reports how many clients the broadcast was sent to. Call it exactly once, also if there are none.
    pub fn client_count(&self, clients: u64) {
        self.0.send(response::encode_client_count(&self.0.request_id, clients));
    }

    /// Reports what one client has acknowledged with: its first argument, or `null` if it has none. A payload that is not JSON is counted
    /// in [`AdapterStats::unencodable`](crate::AdapterStats::unencodable) and not sent.
    pub fn ack(&self, payload: &Payload) {
        match response::encode_ack(&self.0.request_id, payload) {
            Ok(message) => self.0.send(message),
            Err(error) => self.0.counters().count_unencodable(&error),
        }
    }
}

/// Takes the answer to an event for servers.
pub struct Reply(pub(crate) ReplyAddress);

impl Reply {
    /// Sends the answer, a JSON text. A text that is not JSON is counted in
    /// [`AdapterStats::unencodable`](crate::AdapterStats::unencodable), and the answer is `null`.
    pub fn answer(self, json: &str) {
        let message = response::encode_answer(&self.0.request_id, json).or_else(|error| {
            self.0.counters().count_unencodable(&error);
            response::encode_answer(&self.0.request_id, "null")
        });
        if let Ok(message) = message {
            self.0.send(message);
        }
    }
}
