//! Responses: an object with the id of the request. What else it has follows from the request, except for the responses to a broadcast with
//! acknowledgements, which have a type. All are JSON, except an acknowledgement, which is msgpack.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::{names, parse, quoted, quoted_list};
use super::{DecodeError, EncodeError, MessageText, to_msgpack};
use crate::message::{Payload, SocketDetails};

/// The types of the two responses to a broadcast with acknowledgements, and of the response to an event for servers.
const CLIENT_COUNT: u64 = 8;
const CLIENT_ACK: u64 = 9;
const SERVER_SIDE_ANSWER: u64 = 6;

/// A response, decoded as far as its request's id and its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response<'a> {
    #[serde(default)]
    request_id: Option<String>,
    #[serde(rename = "type", default)]
    kind: Option<u64>,
    #[serde(borrow, default)]
    sockets: Option<&'a RawValue>,
    #[serde(default)]
    rooms: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    client_count: Option<u64>,
    #[serde(borrow, default)]
    packet: Option<&'a RawValue>,
    #[serde(skip)]
    attachments: &'a [Vec<u8>],
}

/// One response to a broadcast with acknowledgements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AckResponse {
    /// The number of clients that one server has sent the broadcast to.
    ClientCount(u64),
    /// What one client has acknowledged with: its first argument, or null.
    Ack(Payload),
}

#[derive(Deserialize)]
struct SocketFields<'a> {
    id: String,
    #[serde(borrow, default)]
    handshake: Option<&'a RawValue>,
    #[serde(default)]
    rooms: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Decodes a response.
///
/// # Errors
/// If it is not an object.
pub fn decode(text: &MessageText) -> Result<Response<'_>, DecodeError> {
    const SHAPE: &str = "an object with a requestId";
    if !text.json.starts_with('{') {
        return Err(DecodeError::Shape(SHAPE));
    }
    let response: Response<'_> = parse(&text.json, "the response", SHAPE)?;
    Ok(Response { attachments: &text.attachments, ..response })
}

impl Response<'_> {
    /// The id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The ids of sockets, in the response to [`Request::Sockets`](super::request::Request::Sockets).
    ///
    /// # Errors
    /// If it has none.
    pub fn socket_ids(&self) -> Result<Vec<String>, DecodeError> {
        const MISSING: DecodeError = DecodeError::Field { field: "sockets", expected: "an array of ids" };
        names(parse(self.sockets.ok_or(MISSING)?.get(), "sockets", "an array of ids")?, "sockets")
    }

    /// The names of rooms, in the response to [`Request::AllRooms`](super::request::Request::AllRooms).
    ///
    /// # Errors
    /// If it has none.
    pub fn rooms(&self) -> Result<Vec<String>, DecodeError> {
        if self.rooms.is_null() {
            return Err(DecodeError::Field { field: "rooms", expected: "an array of texts" });
        }
        names(self.rooms.clone(), "rooms")
    }

    /// The sockets in the response to [`Request::Fetch`](super::request::Request::Fetch).
    ///
    /// # Errors
    /// If it has none, or one without an id.
    pub fn sockets(&self) -> Result<Vec<SocketDetails>, DecodeError> {
        const EXPECTED: &str = "an array of sockets with id, handshake, rooms, and data";
        let sockets = self.sockets.ok_or(DecodeError::Field { field: "sockets", expected: EXPECTED })?;
        let sockets: Vec<SocketFields<'_>> = parse(sockets.get(), "sockets", EXPECTED)?;
        let details = |socket: SocketFields<'_>| {
            Ok(SocketDetails {
                id: socket.id,
                handshake: socket.handshake.map_or("{}", RawValue::get).to_owned(),
                rooms: names(socket.rooms, "sockets.rooms")?,
                data: socket.data.map_or("null", RawValue::get).to_owned(),
            })
        };
        sockets.into_iter().map(details).collect()
    }

    /// The answer in the response to [`Request::ServerSideEmit`](super::request::Request::ServerSideEmit). A server that answers nothing
    /// gives null.
    pub fn answer(&self) -> Payload {
        Payload::json(self.data.map_or("null", RawValue::get))
    }

    /// The response to [`Request::BroadcastWithAck`](super::request::Request::BroadcastWithAck).
    ///
    /// # Errors
    /// If it has another type, or its number of clients is missing.
    pub fn ack(&self) -> Result<AckResponse, DecodeError> {
        match (self.kind, self.client_count) {
            (Some(CLIENT_COUNT), Some(count)) => Ok(AckResponse::ClientCount(count)),
            (Some(CLIENT_COUNT), None) => Err(DecodeError::Field { field: "clientCount", expected: "a number" }),
            (Some(CLIENT_ACK), _) => {
                let json = self.packet.map_or("null", RawValue::get).to_owned();
                Ok(AckResponse::Ack(Payload { json, attachments: self.attachments.to_vec() }))
            }
            _ => Err(DecodeError::UnknownType("type of the response; it must be 8 or 9")),
        }
    }
}

/// The response of a server that has done what an old request for one socket asks.
pub fn encode_done(id: &str) -> Vec<u8> {
    format!("{{\"requestId\":{}}}", quoted(id)).into_bytes()
}

/// The ids of this server's sockets.
pub fn encode_socket_ids(id: &str, sockets: &[String]) -> Vec<u8> {
    format!("{{\"requestId\":{},\"sockets\":{}}}", quoted(id), quoted_list(sockets)).into_bytes()
}

/// The names of this server's rooms.
pub fn encode_rooms(id: &str, rooms: &[String]) -> Vec<u8> {
    format!("{{\"requestId\":{},\"rooms\":{}}}", quoted(id), quoted_list(rooms)).into_bytes()
}

/// The details of this server's sockets.
///
/// # Errors
/// If the handshake or the data of a socket are not JSON texts.
pub fn encode_sockets(id: &str, sockets: &[SocketDetails]) -> Result<Vec<u8>, EncodeError> {
    let mut json = format!("{{\"requestId\":{},\"sockets\":[", quoted(id));
    for (index, socket) in sockets.iter().enumerate() {
        check_json(&socket.handshake, "a socket's handshake")?;
        check_json(&socket.data, "a socket's data")?;
        if index > 0 {
            json.push(',');
        }
        let (id, handshake, rooms, data) = (quoted(&socket.id), &socket.handshake, quoted_list(&socket.rooms), &socket.data);
        json.push_str(&format!("{{\"id\":{id},\"handshake\":{handshake},\"rooms\":{rooms},\"data\":{data}}}"));
    }
    json.push_str("]}");
    Ok(json.into_bytes())
}

/// This server's answer to an event for servers.
///
/// # Errors
/// If the answer is not a JSON text.
pub fn encode_answer(id: &str, answer: &str) -> Result<Vec<u8>, EncodeError> {
    check_json(answer, "the answer")?;
    Ok(format!("{{\"type\":{SERVER_SIDE_ANSWER},\"requestId\":{},\"data\":{answer}}}", quoted(id)).into_bytes())
}

/// The number of this server's clients that receive a broadcast.
pub fn encode_client_count(id: &str, clients: u64) -> Vec<u8> {
    format!("{{\"type\":{CLIENT_COUNT},\"requestId\":{},\"clientCount\":{clients}}}", quoted(id)).into_bytes()
}

/// What one client has acknowledged with.
///
/// # Errors
/// If the payload is not a JSON text, or has too many attachments.
pub fn encode_ack(id: &str, payload: &Payload) -> Result<Vec<u8>, EncodeError> {
    check_json(&payload.json, "the acknowledgement")?;
    let json = format!("{{\"type\":{CLIENT_ACK},\"requestId\":{},\"packet\":{}}}", quoted(id), payload.json);
    to_msgpack(&json, &payload.attachments)
}

/// Checks a text of the host, so that it cannot add members to the message.
fn check_json(json: &str, what: &'static str) -> Result<(), EncodeError> {
    serde_json::from_str::<&RawValue>(json).map(drop).map_err(|_| EncodeError::NotJson(what))
}
