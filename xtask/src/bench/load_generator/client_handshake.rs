//! The handshake of a client: its first request, and the messages that it expects and sends until it counts as connected.

use memchr::memmem;

use super::frame;

const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// The protocol of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// An upgrade request, followed by frames.
    WebSocket,
    /// Requests and responses on one connection.
    Http,
}

/// The handshake of one client.
pub struct ClientHandshake {
    pub protocol: Protocol,
    /// Sent when the TCP connection is established.
    pub request: Vec<u8>,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The socket gets the smallest receive buffer, for a client that never reads.
    pub smallest_receive_buffer: bool,
}

/// Waits for a message that contains `expects`, and sends the frame `response`.
pub struct Step {
    pub expects: &'static str,
    pub response: Vec<u8>,
}

impl ClientHandshake {
    /// A Socket.IO client on the namespace `/`.
    pub fn socket_io(auth: &str) -> Self {
        let steps = vec![
            Step { expects: r#"0{"sid":"#, response: frame::client_text(&format!("40{auth}")) },
            Step { expects: r#"40{"sid":"#, response: Vec::new() },
        ];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, smallest_receive_buffer: false }
    }

    /// A Socket.IO client that counts as connected when it has sent this CONNECT packet. The script receives the server's answer as a message.
    pub fn without_connect_answer(connect: &str) -> Self {
        let steps = vec![Step { expects: r#"0{"sid":"#, response: frame::client_text(connect) }];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, smallest_receive_buffer: false }
    }

    /// A client of the studio contract on the namespace `/chat` that joins one room.
    pub fn studio(auth: &str, room: &str) -> Self {
        let steps = vec![
            Step { expects: r#"0{"sid":"#, response: frame::client_text(&format!("40/chat,{auth}")) },
            Step { expects: r#"40/chat,{"sid":"#, response: frame::client_text(&format!(r#"42/chat,0["join_room",{{"roomId":{room}}}]"#)) },
            Step { expects: r#"43/chat,0[{"ok":true"#, response: Vec::new() },
        ];
        Self { protocol: Protocol::WebSocket, request: upgrade(SOCKET_IO), steps, smallest_receive_buffer: false }
    }

    /// A raw WebSocket client that joins one room.
    pub fn raw(path: &str, room: &str) -> Self {
        let join = format!(r#"{{"type":"join_room","room":"{room}","data":{{}}}}"#);
        let steps = vec![
            Step { expects: r#""connected""#, response: frame::client_text(&join) },
            Step { expects: r#""joined_room""#, response: Vec::new() },
        ];
        Self { protocol: Protocol::WebSocket, request: upgrade(path), steps, smallest_receive_buffer: false }
    }

    /// A persistent HTTP connection.
    pub fn http() -> Self {
        Self { protocol: Protocol::Http, request: Vec::new(), steps: Vec::new(), smallest_receive_buffer: false }
    }
}

impl Step {
    pub fn matches(&self, message: &[u8]) -> bool {
        memmem::find(message, self.expects.as_bytes()).is_some()
    }
}

/// Whether a message during the handshake is a rejection.
pub fn is_rejection(message: &[u8]) -> bool {
    message.starts_with(b"44")
        || memmem::find(message, br#"[{"ok":false"#).is_some()
        || memmem::find(message, br#""type":"error""#).is_some()
}

/// An upgrade request with the sample key of RFC 6455, so that the baseline server can respond with a constant.
fn upgrade(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}
