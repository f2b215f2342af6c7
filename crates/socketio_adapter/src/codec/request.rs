//! Requests: an object with the type and its fields. All are JSON, except a broadcast with acknowledgements, which is msgpack.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::broadcast::{packet_event, write_options, write_packet};
use super::fields::{self, Options, names, parse};
use super::{DecodeError, EncodeError, MessageText, to_msgpack};
use crate::message::{Broadcast, Event, Selection};

/// What a server asks of all servers in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The ids of the sockets in rooms; without rooms of all sockets.
    Sockets(Vec<String>),
    /// The names of all rooms.
    AllRooms,
    /// The sockets join rooms.
    Join(Selection, Vec<String>),
    /// The sockets leave rooms.
    Leave(Selection, Vec<String>),
    /// The sockets are disconnected; if true, their connections are closed.
    Disconnect(Selection, bool),
    /// The details of the sockets.
    Fetch(Selection),
    /// An event for the servers themselves.
    ServerSideEmit(Event),
    /// A broadcast that the clients acknowledge.
    BroadcastWithAck(Broadcast),
}

impl Request {
    /// The number of the type in messages.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Sockets(_) => 0,
            Self::AllRooms => 1,
            Self::Join(..) => 2,
            Self::Leave(..) => 3,
            Self::Disconnect(..) => 4,
            Self::Fetch(_) => 5,
            Self::ServerSideEmit(_) => 6,
            Self::BroadcastWithAck(_) => 7,
        }
    }
}

/// A request of another server or of an emitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMessage {
    /// The uid of the sender. Emitters send none, or `emitter`.
    pub uid: Option<String>,
    /// The id that the responses must have. Without an id the sender expects no response.
    pub id: Option<String>,
    /// The request.
    pub request: Request,
    /// The packet's namespace, if the request has a packet.
    pub namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestFields<'a> {
    #[serde(rename = "type")]
    kind: Option<u64>,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    rooms: Value,
    #[serde(borrow, default)]
    opts: Option<&'a RawValue>,
    #[serde(default)]
    close: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    packet: Option<&'a RawValue>,
    /// The one socket and room of requests of adapters before version 7.
    #[serde(default)]
    sid: Option<String>,
    #[serde(default)]
    room: Value,
}

/// Decodes a request.
///
/// # Errors
/// If the bytes are no request, or one of an unknown type.
pub fn decode(bytes: &[u8]) -> Result<RequestMessage, DecodeError> {
    const SHAPE: &str = "an object with a type and the fields of that type";
    let MessageText { json, attachments } = MessageText::read(bytes)?;
    if !json.starts_with('{') {
        return Err(DecodeError::Shape(SHAPE));
    }
    let mut fields: RequestFields<'_> = parse(&json, "the request", SHAPE)?;
    let mut namespace = None;
    let request = match fields.kind {
        Some(0) => Request::Sockets(names(fields.rooms, "rooms")?),
        Some(1) => Request::AllRooms,
        Some(2) => Request::Join(fields.selection()?, fields.joined_rooms()?),
        Some(3) => Request::Leave(fields.selection()?, fields.joined_rooms()?),
        Some(4) => Request::Disconnect(fields.selection()?, fields.close == Value::Bool(true)),
        Some(5) => Request::Fetch(Options::read(fields.opts)?.selection()?),
        Some(6) => Request::ServerSideEmit(fields::any_event(required(fields.data, "data", "an array")?.get())?),
        Some(7) => {
            let options = Options::read(fields.opts)?;
            let (event, of_packet) = packet_event(required(fields.packet, "packet", "an object")?, attachments)?;
            namespace = of_packet;
            let flags = options.flags();
            Request::BroadcastWithAck(Broadcast { event, to: options.selection()?, flags })
        }
        _ => return Err(DecodeError::UnknownType("type of the request; it must be 0 to 7")),
    };
    Ok(RequestMessage { uid: fields.uid, id: fields.request_id, request, namespace })
}

impl RequestFields<'_> {
    /// The sockets that join, leave, or are disconnected: those of the options, or the one of an old request. Without both the request is
    /// an error, because it would concern all sockets.
    fn selection(&mut self) -> Result<Selection, DecodeError> {
        match (self.opts, self.sid.take()) {
            (None, Some(sid)) => Ok(Selection::room(sid)),
            (Some(opts), _) => Options::read(Some(opts))?.selection(),
            (None, None) => Err(DecodeError::Field { field: "opts", expected: "an object" }),
        }
    }

    fn joined_rooms(&mut self) -> Result<Vec<String>, DecodeError> {
        match std::mem::take(&mut self.room) {
            Value::Null => names(std::mem::take(&mut self.rooms), "rooms"),
            room => names(Value::Array(vec![room]), "room"),
        }
    }
}

/// Encodes a request. `id` is necessary if responses are expected.
///
/// # Errors
/// If the arguments of an event are not JSON, or clients would reject the event.
pub fn encode(uid: &str, id: Option<&str>, namespace: &str, request: &Request) -> Result<Vec<u8>, EncodeError> {
    let mut json = format!("{{\"uid\":{}", fields::quoted(uid));
    if let Some(id) = id {
        json.push_str(&format!(",\"requestId\":{}", fields::quoted(id)));
    }
    json.push_str(&format!(",\"type\":{}", request.kind()));
    match request {
        Request::Sockets(rooms) => json.push_str(&format!(",\"rooms\":{}", fields::quoted_list(rooms))),
        Request::AllRooms => {}
        Request::Join(to, rooms) | Request::Leave(to, rooms) => {
            write_selection(&mut json, to);
            json.push_str(&format!(",\"rooms\":{}", fields::quoted_list(rooms)));
        }
        Request::Disconnect(to, close) => {
            write_selection(&mut json, to);
            json.push_str(&format!(",\"close\":{close}"));
        }
        Request::Fetch(to) => write_selection(&mut json, to),
        Request::ServerSideEmit(event) => {
            json.push_str(",\"data\":");
            fields::write_event(&mut json, event)?;
        }
        Request::BroadcastWithAck(broadcast) => {
            json.push_str(",\"packet\":");
            write_packet(&mut json, namespace, &broadcast.event)?;
            json.push_str(",\"opts\":");
            write_options(&mut json, broadcast);
            json.push('}');
            return to_msgpack(&json, &broadcast.event.attachments);
        }
    }
    json.push('}');
    Ok(json.into_bytes())
}

fn write_selection(json: &mut String, to: &Selection) {
    let (rooms, except) = (fields::quoted_list(&to.rooms), fields::quoted_list(&to.except));
    json.push_str(&format!(",\"opts\":{{\"rooms\":{rooms},\"except\":{except}}}"));
}

fn required<'a>(value: Option<&'a RawValue>, field: &'static str, expected: &'static str) -> Result<&'a RawValue, DecodeError> {
    value.ok_or(DecodeError::Field { field, expected })
}
