//! A proxy in front of Redis, which can stop to forward without closing its connections.

use std::sync::Arc;

use cluster::redis::RedisUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running proxy.
pub struct Proxy {
    port: u16,
    forwards: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// Starts a proxy to a port of this machine.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (forwards, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
                let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
                tokio::spawn(copy(client_in, server_out, state.clone()));
                tokio::spawn(copy(server_in, client_out, state.clone()));
            }
        });
        Self { port, forwards: Arc::new(forwards) }
    }

    /// Holds back all bytes, as a network that drops packets.
    pub fn hold(&self) {
        self.forwards.send_replace(false);
    }

    /// Forwards again, with what was held back.
    pub fn forward(&self) {
        self.forwards.send_replace(true);
    }

    pub fn url(&self) -> RedisUrl {
        RedisUrl::parse(&format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut forwards: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
        && forwards.wait_for(|forwards| *forwards).await.is_ok()
        && to.write_all(&buffer[..length]).await.is_ok()
    {}
}
