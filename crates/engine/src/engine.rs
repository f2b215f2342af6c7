//! The running engine: starts one thread for each shard, and stops them.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{io, thread};

use crate::app::App;
use crate::config::Config;
use crate::handle::Handle;
use crate::handshake_rejection::HandshakeRejection;
use crate::hub::Hub;
use crate::mailbox::Mail;
use crate::worker::Worker;

/// The running shards.
///
/// # Examples
///
/// A server whose clients join one room, and that publishes to it from another thread:
///
/// ```
/// use engine::{App, Broadcast, Config, Connect, Engine, OutboundMessage, Shard, SocketKey};
///
/// struct News;
///
/// impl App for News {
///     type Handshake = ();
///     type Data = ();
///     type Message = ();
///
///     fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
///         shard.accept(socket, ());
///         shard.join(socket, "news");
///     }
/// }
///
/// let config = Config { shards: 2, ..Config::default() };
/// let engine = Engine::start(config, |_, _| Ok(()), |_, _| News)?;
///
/// let handle = engine.handle();
/// let message = OutboundMessage::event("headline", r#""Rain""#)?;
/// handle.publish(Broadcast::to_rooms(["news".into()], move |_| vec![message.clone()]));
///
/// // An HTTP server passes requests to the engine with `handle.take` and `handle.serve`; see `examples/support/mod.rs`.
/// assert!(handle.serves("/socket.io/"));
/// engine.stop();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Engine<A: App> {
    handle: Handle<A>,
    threads: Vec<JoinHandle<()>>,
}

impl<A: App> Engine<A> {
    /// Starts one thread for each shard, with the application that `app` makes for it.
    ///
    /// `gate` checks the request head and the peer's address of each handshake. It returns the data to keep of them, or the rejection with
    /// which the handshake is answered (long-polling with its status, WebSocket with 400; on a plain endpoint the WebSocket is opened and
    /// closed).
    ///
    /// # Errors
    /// If the operating system gives no epoll instance or no thread.
    pub fn start(
        config: Config,
        gate: impl Fn(&http::request::Parts, SocketAddr) -> Result<A::Handshake, HandshakeRejection> + Send + Sync + 'static,
        app: impl Fn(usize, Handle<A>) -> A + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shards = config.shards.clamp(1, u8::MAX as usize);
        let polls = (0..shards).map(|_| mio::Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let hub = Arc::new(Hub::new(config, Arc::new(gate), &polls)?);
        let app = Arc::new(app);
        let threads = polls
            .into_iter()
            .enumerate()
            .map(|(index, poll)| {
                let (hub, app) = (hub.clone(), app.clone());
                thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
                    let application = app(index, Handle(hub.clone()));
                    let worker = Worker::new(index as u8, hub.clone(), poll, application);
                    let ended = catch_unwind(AssertUnwindSafe(|| worker.run()));
                    hub.mailboxes[index].close();
                    if !matches!(ended, Ok(Ok(()))) {
                        // The shard's clients would hang for as long as the other shards run. The supervisor starts a process that has
                        // ended again.
                        tracing::error!(shard = index, ?ended, "a shard has died; the process ends");
                        abort();
                    }
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { handle: Handle(hub), threads })
    }

    /// Access to the engine from any thread.
    pub fn handle(&self) -> Handle<A> {
        self.handle.clone()
    }

    /// Closes every connection (reason "server shutting down") and waits for the shards' threads to end.
    pub fn stop(self) {
        for mailbox in &self.handle.0.mailboxes {
            mailbox.put([Mail::Stop]);
        }
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::app::Connect;
    use crate::shard::{Shard, SocketKey};

    struct SilentApp;

    impl App for SilentApp {
        type Handshake = ();
        type Data = ();
        type Message = oneshot::Sender<()>;

        fn connect(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Connect<'_>) {}
    }

    #[test]
    fn message_to_a_stopped_shard_is_dropped() {
        let config = Config { shards: 2, ..Config::default() };
        let engine = Engine::start(config, |_, _| Ok(()), |_, _| SilentApp).unwrap();
        let handle = engine.handle();
        engine.stop();
        for shard in 0..2 {
            let (reply, response) = oneshot::channel();
            handle.send(shard, reply);
            assert!(response.blocking_recv().is_err());
        }
    }
}
