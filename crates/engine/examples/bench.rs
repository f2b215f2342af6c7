//! The small server that `cargo xtask bench` runs for comparison with the same few lines on each peer.
//!
//! CONNECT with auth `{token, rooms}`: the JWT is verified and the rooms are joined. `publish [room, payload]` sends `message [payload]` to
//! the room; `echo [payload]` is acknowledged with the payload. Environment: `PORT`, `JWT_SECRET`, `SHARDS`.

mod support;

use std::sync::Arc;

use engine::{App, Broadcast, Config, Connect, Engine, Event, OutboundMessage, Shard, SocketKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

struct Bench {
    key: Arc<DecodingKey>,
    validation: Validation,
}

#[derive(Deserialize)]
struct Auth<'a> {
    token: &'a str,
    #[serde(borrow, default)]
    rooms: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl App for Bench {
    type Handshake = ();
    type Data = Box<str>;
    type Message = ();

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let auth: Option<Auth> = serde_json::from_str(request.auth).ok();
        let verified = auth.and_then(|auth| Some((decode::<Claims>(auth.token, &self.key, &self.validation).ok()?, auth.rooms)));
        let Some((token, rooms)) = verified else {
            let _ = shard.reject(socket, "Authentication error", None);
            return;
        };
        shard.accept(socket, token.claims.sub.into());
        for room in rooms {
            shard.join(socket, room);
        }
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        match (event.name, event.ack) {
            ("publish", _) => {
                let room = event.args.get(0).and_then(|room| serde_json::from_str::<&str>(room).ok());
                let (Some(room), Some(payload)) = (room, event.args.get(1)) else { return };
                let Ok(message) = OutboundMessage::event("message", payload) else { return };
                shard.broadcast(Broadcast::to_rooms([room.into()], move |_| vec![message.clone()]));
            }
            ("echo", Some(id)) => drop(shard.ack(socket, id, event.args.raw(), &[])),
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::var("JWT_SECRET").unwrap_or_else(|_| "secret".into());
    let key = Arc::new(DecodingKey::from_secret(secret.as_bytes()));
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    let config = Config { ping_timeout: std::time::Duration::from_secs(60), ..Config::default() };
    let shards = support::number("SHARDS", config.shards as u64) as usize;
    let app = move |_: usize, _| Bench { key: key.clone(), validation: validation.clone() };
    let engine = Engine::start(Config { shards, ..config }, |_, _| Ok(()), app)?;
    Ok(support::serve(engine.handle(), support::loopback(support::number("PORT", 3000) as u16)?)?)
}
