//! The protocol of the bench on socketioxide. `docs/design/performance.md` describes the protocol.

use std::time::Duration;

use axum::serve::ListenerExt;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef, State};
use socketioxide::handler::ConnectHandler;

#[derive(Deserialize)]
struct Auth {
    token: String,
    rooms: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {}

async fn verify(Data(auth): Data<Auth>, State(key): State<DecodingKey>) -> Result<(), &'static str> {
    match decode::<Claims>(&auth.token, &key, &Validation::new(Algorithm::HS256)) {
        Ok(_) => Ok(()),
        Err(_) => Err("Authentication error"),
    }
}

async fn connected(socket: SocketRef, Data(auth): Data<Auth>) {
    socket.join(auth.rooms);
    socket.on("publish", async |io: SocketIo, Data((room, payload)): Data<(String, Value)>| {
        io.to(room).emit("message", &payload).await.ok();
    });
    socket.on("echo", async |Data(payload): Data<Value>, ack: AckSender| {
        ack.send(&payload).ok();
    });
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = DecodingKey::from_secret(std::env::var("JWT_SECRET")?.as_bytes());
    let (layer, io) = SocketIo::builder()
        .ping_interval(Duration::from_secs(25))
        .ping_timeout(Duration::from_secs(60))
        .with_state(key)
        .build_layer();
    io.ns("/", connected.with(verify));

    let port: u16 = std::env::var("PORT")?.parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("ready");
    let listener = listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    });
    axum::serve(listener, axum::Router::new().layer(layer)).await?;
    Ok(())
}
