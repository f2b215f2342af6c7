//! What the other servers may do with this server's sockets in one namespace.
//!
//! They are as trusted as this server, because they can publish on its Redis. Nevertheless they cannot make a socket enter or leave a room
//! of this server's own kinds, such as `household:7`: only members are in these.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::RoomId;
use engine::{Handle, Namespace, OutboundMessage, Shard, SocketKey};
use serde_json::json;
use socketio_adapter::{AckSink, Answer, Broadcast, Event, LocalNamespace, Reply, Selection, SocketDetails};
use tokio::sync::oneshot;

use super::forwarded_acks::ClientCount;
use super::socket_selection::selected;
use crate::{Job, RealtimeApp};

/// The sockets of one namespace, on all shards.
pub(super) struct LocalSockets {
    engine: Handle<RealtimeApp>,
    namespace: Namespace,
    /// How long acknowledgements are forwarded if the other server does not say.
    default_timeout: Duration,
}

impl LocalSockets {
    pub fn new(engine: Handle<RealtimeApp>, namespace: Namespace, default_timeout: Duration) -> Self {
        Self { engine, namespace, default_timeout }
    }

    /// Runs something for the selected sockets, on every shard and in the order of the broadcasts.
    fn for_selected(&self, to: Selection, run: impl Fn(&mut RealtimeApp, &mut Shard<RealtimeApp>, &[SocketKey]) + Send + Sync + 'static) {
        let (namespace, shared) = (self.namespace, Arc::new((to, run)));
        self.engine.send_to_all(|| {
            let shared = shared.clone();
            let job: Job = Box::new(move |app, shard| {
                let (to, run) = &*shared;
                let sockets = selected(shard, namespace, to);
                run(app, shard, &sockets);
            });
            job
        });
    }

    /// Collects values from all shards. A shard that has ended has none.
    fn collect<T: Send + 'static>(
        &self,
        values: impl Fn(&RealtimeApp, &Shard<RealtimeApp>) -> Vec<T> + Send + Sync + 'static,
    ) -> Answer<Vec<T>> {
        let values = Arc::new(values);
        let replies: Vec<oneshot::Receiver<Vec<T>>> = (0..self.engine.shards())
            .map(|shard| {
                let (values, (sender, reply)) = (values.clone(), oneshot::channel());
                // An error means that the request has timed out.
                let job: Job = Box::new(move |app, shard| drop(sender.send(values(app, shard))));
                self.engine.send(shard, job);
                reply
            })
            .collect();
        Box::pin(async move {
            let mut all = Vec::new();
            for reply in replies {
                all.extend(reply.await.unwrap_or_default());
            }
            all
        })
    }

    /// Waits until the shards have processed most of their messages, so that a flood of other servers does not fill the memory.
    fn wait_for_capacity(&self) {
        tokio::task::block_in_place(|| self.engine.wait_for_capacity());
    }
}

impl LocalNamespace for LocalSockets {
    fn broadcast(&self, broadcast: Broadcast) {
        let Broadcast { event, to, flags } = broadcast;
        let Some(message) = message(event) else { return };
        self.wait_for_capacity();
        let source = move |_| vec![message.clone()];
        let broadcast = match to.rooms.is_empty() {
            true => engine::Broadcast::to_everyone(source),
            false => engine::Broadcast::to_rooms(to.rooms.iter().map(|room| room.as_str().into()).collect::<Arc<[_]>>(), source),
        };
        // The name of a room may also be the id of a socket.
        let except =
            to.except.iter().fold(broadcast.in_namespace(self.namespace), |broadcast, room| broadcast.except_room(room.as_str().into()));
        self.engine.publish(if flags.volatile { except.volatile() } else { except });
    }

    fn broadcast_with_ack(&self, broadcast: Broadcast, acks: AckSink) {
        let Broadcast { event, to, flags } = broadcast;
        let count = ClientCount::new(acks);
        let Some(message) = message(event) else { return };
        self.wait_for_capacity();
        let timeout = flags.timeout.unwrap_or(self.default_timeout);
        self.for_selected(to, move |app, shard, sockets| app.ask_sockets(shard, sockets, &message, &count, timeout));
    }

    fn socket_ids(&self, rooms: Vec<String>) -> Answer<Vec<String>> {
        let (namespace, to) = (self.namespace, Selection { rooms, except: Vec::new() });
        self.collect(move |_, shard| selected(shard, namespace, &to).into_iter().map(|socket| id_text(shard, socket)).collect())
    }

    fn rooms(&self) -> Answer<Vec<String>> {
        let namespace = self.namespace;
        let all = self.collect(move |_, shard| {
            let sockets = selected(shard, namespace, &Selection::all());
            let rooms: BTreeSet<String> = sockets.into_iter().flat_map(|socket| rooms_of(shard, socket)).collect();
            rooms.into_iter().collect()
        });
        // A room may have sockets on several shards.
        Box::pin(async { BTreeSet::from_iter(all.await).into_iter().collect() })
    }

    fn fetch_sockets(&self, sockets: Selection) -> Answer<Vec<SocketDetails>> {
        let namespace = self.namespace;
        self.collect(move |app, shard| {
            selected(shard, namespace, &sockets).into_iter().filter_map(|socket| details(app, shard, socket)).collect()
        })
    }

    fn join(&self, sockets: Selection, rooms: Vec<String>) {
        let rooms = foreign(rooms);
        self.for_selected(sockets, move |app, shard, sockets| {
            for (socket, room) in sockets.iter().flat_map(|socket| rooms.iter().map(move |room| (*socket, room))) {
                if app.rooms_left(shard, socket) > 0 {
                    shard.join(socket, room);
                }
            }
        });
    }

    fn leave(&self, sockets: Selection, rooms: Vec<String>) {
        let rooms = foreign(rooms);
        self.for_selected(sockets, move |_, shard, sockets| {
            for (socket, room) in sockets.iter().flat_map(|socket| rooms.iter().map(move |room| (*socket, room))) {
                shard.leave(socket, room);
            }
        });
    }

    fn disconnect(&self, sockets: Selection, close: bool) {
        self.for_selected(sockets, move |_, shard, sockets| sockets.iter().for_each(|socket| shard.disconnect(*socket, close)));
    }

    /// This server has no listeners for events of servers. It answers, because the sender waits for the answers of all.
    fn server_side_emit(&self, _: Event, reply: Option<Reply>) {
        if let Some(reply) = reply {
            reply.answer("null");
        }
    }
}

/// The message of an event. The adapter has checked it already, so `None` does not occur.
fn message(event: Event) -> Option<OutboundMessage> {
    OutboundMessage::event_with_attachments(event.name, event.args, event.attachments).ok()
}

/// The rooms that are not of this server's own kinds.
fn foreign(mut rooms: Vec<String>) -> Vec<String> {
    rooms.retain(|room| RoomId::parse(room).is_none());
    rooms
}

fn id_text(shard: &Shard<RealtimeApp>, socket: SocketKey) -> String {
    shard.id(socket).map(|id| id.text()).unwrap_or_default()
}

/// The rooms of a socket, its id included.
fn rooms_of(shard: &Shard<RealtimeApp>, socket: SocketKey) -> Vec<String> {
    shard.rooms_of(socket).map(str::to_owned).chain([id_text(shard, socket)]).collect()
}

/// Describes a socket. Of its handshake this server keeps the address and the time only.
fn details(app: &RealtimeApp, shard: &Shard<RealtimeApp>, socket: SocketKey) -> Option<SocketDetails> {
    let (data, handshake) = (shard.data(socket)?, shard.handshake(socket)?);
    let lasting = shard.now().saturating_duration_since(data.at);
    let issued = (app.state.clock)().0 / 1000 - lasting.as_millis() as i64;
    let handshake = json!({
        "headers": {},
        "time": "",
        "address": handshake.address().ip().to_string(),
        "xdomain": false,
        "secure": false,
        "issued": issued,
        "url": "",
        "query": { "transport": shard.transport(socket) },
        "auth": {},
    });
    Some(SocketDetails {
        id: id_text(shard, socket),
        handshake: handshake.to_string(),
        rooms: rooms_of(shard, socket),
        data: json!({ "user": data.actor.user.as_str() }).to_string(),
    })
}
