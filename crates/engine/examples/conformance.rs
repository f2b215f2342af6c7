//! A server for the official protocol suites of Engine.IO and Socket.IO only; CONTRIBUTING.md says how to run them.
//!
//! `PARSER=msgpack`, `ALLOW_EIO3=true` and `DEFLATE=true` serve the project's own tests, and so do
//! `PING_INTERVAL` and `PING_TIMEOUT` in milliseconds.

mod support;

use std::time::Duration;

use engine::config::Cors;
use engine::{
    Acknowledgement, App, Config, Connect, EncodeError, Endpoint, Engine, Event, Format, OutboundMessage, Protocol, Shard, SocketKey,
};
use wire::socketio::Args;

struct Echo;

impl App for Echo {
    type Handshake = ();
    type Data = ();
    type Message = ();

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        shard.accept(socket, ());
        if let Ok(auth) = OutboundMessage::event("auth", request.auth) {
            shard.emit(socket, &auth);
        }
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        match (event.name, event.ack) {
            ("message", _) => {
                if let Ok(echo) = echo("message-back", &event.args, event.attachments) {
                    shard.emit(socket, &echo);
                }
            }
            ("message-with-ack", Some(id)) => drop(shard.ack(socket, id, event.args.raw(), event.attachments)),
            // Sends an event with an acknowledgement, and echoes the acknowledgement as an event.
            ("ask-me", _) => {
                if let Ok(question) = echo("question", &event.args, event.attachments) {
                    shard.emit_with_ack(socket, &question);
                }
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ack: Acknowledgement<'_>) {
        if let Ok(echo) = echo("answered", &ack.args, ack.attachments) {
            shard.emit(socket, &echo);
        }
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        shard.emit(socket, &OutboundMessage::Text(text.to_owned()));
    }

    fn binary(&mut self, shard: &mut Shard<Self>, socket: SocketKey, bytes: &[u8]) {
        shard.emit(socket, &OutboundMessage::Binary(bytes.to_vec()));
    }
}

/// Makes an event with the same arguments and attachments.
fn echo(name: &'static str, args: &Args<'_>, attachments: &[Vec<u8>]) -> Result<OutboundMessage, EncodeError> {
    OutboundMessage::event_with_attachments(name, args.raw(), attachments.to_vec())
}

fn main() -> std::io::Result<()> {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| value == "true");
    let ping_interval = Duration::from_millis(support::number("PING_INTERVAL", 300));
    let endpoint = |path: &str, protocol| Endpoint { path: path.into(), protocol, ping_interval };
    let config = Config {
        endpoints: vec![
            endpoint("/engine.io", Protocol::EngineIo),
            endpoint("/socket.io", Protocol::SocketIo),
            endpoint("/raw", Protocol::Raw),
        ],
        namespaces: vec!["/".into(), "/custom".into()],
        parser: if std::env::var("PARSER").is_ok_and(|parser| parser == "msgpack") { Format::MsgPack } else { Format::Json },
        ping_timeout: Duration::from_millis(support::number("PING_TIMEOUT", 200)),
        connect_timeout: Duration::from_millis(1000),
        max_payload: 1_000_000,
        allow_eio3: set("ALLOW_EIO3"),
        deflate: set("DEFLATE"),
        cors: Some(std::sync::Arc::new(|_| Cors { allow_origin: Some("*".into()), ..Cors::default() })),
        ..Config::default()
    };
    let engine = Engine::start(config, |_, _| Ok(()), |_, _| Echo)?;
    support::serve(engine.handle(), support::loopback(support::number("PORT", 3000) as u16)?)
}
