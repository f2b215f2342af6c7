//! How a client gets in: its first request, then what it waits for and answers until it counts as connected.

use memchr::memmem;

use super::frame;

const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// What is spoken after the TCP connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// An upgrade request, then frames.
    WebSocket,
    /// Requests and answers on one kept connection.
    Http,
}

/// The way in of one client.
pub struct Entrance {
    pub protocol: Protocol,
    /// Sent as soon as the connection stands.
    pub request: Vec<u8>,
    /// What to wait for, in this order.
    pub steps: Vec<Step>,
    /// Ask for the smallest receive buffer, as for a client that will never read.
    pub tiny_window: bool,
}

/// Wait for a message that contains `awaits`, then say `says`.
pub struct Step {
    pub awaits: &'static str,
    pub says: Vec<u8>,
}

impl Entrance {
    /// A Socket.IO client on the namespace `/`.
    pub fn socket_io(auth: &str) -> Self {
        let steps = vec![
            Step { awaits: r#"0{"sid":"#, says: frame::client_text(&format!("40{auth}")) },
            Step { awaits: r#"40{"sid":"#, says: Vec::new() },
        ];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, tiny_window: false }
    }

    /// A Socket.IO client that is in when it has asked for a namespace, with this packet: the answer is a message.
    pub fn bare(connect: &str) -> Self {
        let steps = vec![Step { awaits: r#"0{"sid":"#, says: frame::client_text(connect) }];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, tiny_window: false }
    }

    /// A client of the studio contract on the namespace `/chat`, in one room.
    pub fn studio(auth: &str, room: &str) -> Self {
        let steps = vec![
            Step { awaits: r#"0{"sid":"#, says: frame::client_text(&format!("40/chat,{auth}")) },
            Step { awaits: r#"40/chat,{"sid":"#, says: frame::client_text(&format!(r#"42/chat,0["join_room",{{"roomId":{room}}}]"#)) },
            Step { awaits: r#"43/chat,0[{"ok":true"#, says: Vec::new() },
        ];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, tiny_window: false }
    }

    /// A raw WebSocket client that joins one room.
    pub fn raw(path: &str, room: &str) -> Self {
        let join = format!(r#"{{"type":"join_room","room":"{room}","data":{{}}}}"#);
        let steps =
            vec![Step { awaits: r#""connected""#, says: frame::client_text(&join) }, Step { awaits: r#""joined_room""#, says: Vec::new() }];
        Self { protocol: Protocol::WebSocket, request: upgrade(path), steps, tiny_window: false }
    }

    /// A plain HTTP connection that is kept.
    pub fn http() -> Self {
        Self { protocol: Protocol::Http, request: Vec::new(), steps: Vec::new(), tiny_window: false }
    }
}

impl Step {
    pub fn is_met_by(&self, message: &[u8]) -> bool {
        memmem::find(message, self.awaits.as_bytes()).is_some()
    }
}

/// Whether a message during the entrance says no.
pub fn is_refusal(message: &[u8]) -> bool {
    message.starts_with(b"44")
        || memmem::find(message, br#"[{"ok":false"#).is_some()
        || memmem::find(message, br#""type":"error""#).is_some()
}

/// The sample key of RFC 6455, so that the floor can answer it with a constant.
fn upgrade(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}
