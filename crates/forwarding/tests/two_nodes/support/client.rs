//! Clients: single HTTP requests, sessions on long-polling, and WebSockets.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

/// A connection that is kept.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let (sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await.unwrap())).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    pub async fn send(&mut self, method: Method, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let mut request = Request::builder().method(method).uri(target).header("host", "app.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&mut self, target: &str) -> Reply {
        self.send(Method::GET, target, &[], "").await
    }
}

pub async fn get(address: SocketAddr, target: &str) -> Reply {
    Connection::open(address).await.get(target).await
}

pub async fn post(address: SocketAddr, target: &str, body: impl Into<Bytes>) -> Reply {
    Connection::open(address).await.send(Method::POST, target, &[], body).await
}

/// Begins a session on long-polling, connects to the namespace, and returns the target of its requests.
pub async fn session(address: SocketAddr) -> String {
    let opened = get(address, "/socket.io/?EIO=4&transport=polling&t=h1").await;
    let sid = opened.body.split('"').nth(3).unwrap();
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
    assert_eq!(post(address, &target, "40").await.body, "ok");
    let connected = get(address, &format!("{target}&t=h2")).await;
    assert!(connected.body.starts_with("40"), "{}", connected.body);
    target
}

/// True if the reply is Engine.IO's "Session ID unknown".
pub fn is_unknown(reply: &Reply) -> bool {
    reply.status == 400 && reply.body == r#"{"code":1,"message":"Session ID unknown"}"#
}

/// A WebSocket, without extensions.
pub struct WebSocket(TcpStream);

impl WebSocket {
    /// Asks for the upgrade of a session. Errors: the response.
    pub async fn upgrade(address: SocketAddr, target: &str) -> Result<Self, String> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let target = target.replace("transport=polling", "transport=websocket");
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        // The first frame follows at once, as some clients send it.
        let early = [head.as_bytes(), &frame("2probe")].concat();
        stream.write_all(&early).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        if head.starts_with("HTTP/1.1 101") { Ok(Self(stream)) } else { Err(head) }
    }

    pub async fn send(&mut self, text: &str) {
        self.0.write_all(&frame(text)).await.unwrap();
    }

    /// The next text. `None` if the connection or the WebSocket is closed.
    pub async fn receive(&mut self) -> Option<String> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).await.ok()?;
        let length = match head[1] {
            126 => usize::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()? as usize,
            short => usize::from(short),
        };
        let mut text = vec![0; length];
        self.0.read_exact(&mut text).await.ok()?;
        (head[0] == 0x81).then(|| String::from_utf8(text).unwrap())
    }
}

/// A masked text frame. The mask is zero, which changes nothing.
fn frame(text: &str) -> Vec<u8> {
    let length = text.len();
    let head = match length {
        0..=125 => vec![0x81, 0x80 | length as u8],
        126..=65_535 => [&[0x81, 0x80 | 126], &(length as u16).to_be_bytes()[..]].concat(),
        _ => [&[0x81, 0x80 | 127], &(length as u64).to_be_bytes()[..]].concat(),
    };
    [&head[..], &[0; 4], text.as_bytes()].concat()
}
