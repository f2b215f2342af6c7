//! Tests of a shard without the operating system's sockets: its clients are on long-polling.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use wire::engineio::Version;

use super::delivery::MAX_BETWEEN_POLLS_BYTES;
use super::delivery_log::{DeliveryOutcome, DeliveryStep};
use super::{FlushPriority, NewTransport, Phase, Shard, SocketKey, Transport};
use crate::app::NoopApp;
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::encoding::Namespace;
use crate::id::Id;
use crate::message::{ConflationKey, MessageSource, OutboundMessage};
use crate::outbox::SpareQueues;

fn shard() -> Shard<NoopApp> {
    let config = Config { namespaces: vec!["/".into(), "/other".into()], ..Config::default() };
    Shard::new(0, Arc::new(config), None, Instant::now())
}

fn connection(shard: &mut Shard<NoopApp>) -> u32 {
    let transport = Transport::Polling(Box::default());
    shard.insert_connection(NewTransport { endpoint: 0, version: Version::V4, deflate: None, phase: Phase::Open, transport }).slot
}

/// The frames that wait for a connection, as text without their headers.
fn waiting(shard: &Shard<NoopApp>, connection: u32) -> String {
    let mut slices = [IoSlice::new(&[]); 8];
    let count = shard.connections[connection as usize].outbox.slices(&mut slices);
    let frames: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
    wire::websocket::Frames::new(&frames).map(|(_, payload)| String::from_utf8_lossy(payload).into_owned()).collect::<Vec<_>>().join(" ")
}

/// Adds an accepted socket to a connection. `id` is the socket's id, if it is not a new one.
fn socket(shard: &mut Shard<NoopApp>, connection: u32, namespace: u8, id: Option<Id>) -> SocketKey {
    let key = shard.insert_socket(connection, Namespace(namespace), id);
    shard.sockets[key.slot() as usize].data = Some(());
    key
}

#[test]
fn connection_is_read_again_when_no_socket_is_paused() {
    let mut shard = shard();
    let slot = connection(&mut shard);
    let [main, other] = [0, 1].map(|namespace| socket(&mut shard, slot, namespace, None));
    shard.pause(main);
    shard.pause(main);
    shard.pause(other);
    shard.resume(main);
    shard.resume(main);
    assert_eq!(shard.connections[slot as usize].pauses, 1, "another socket is still paused");
    assert!(shard.readable.is_empty());
    shard.remove_socket(other.slot());
    assert_eq!(shard.connections[slot as usize].pauses, 0);
    assert_eq!((shard.readable.len(FlushPriority::Soon), shard.readable.next(FlushPriority::Soon)), (1, Some(slot)));
}

#[test]
fn excepted_socket_receives_no_broadcast_under_either_id() {
    let mut shard = shard();
    // Makes the slots of connections and sockets differ.
    let filler = connection(&mut shard);
    let (speaker, listener) = (connection(&mut shard), connection(&mut shard));
    let inherited = shard.connections[speaker as usize].id;
    let speaking = socket(&mut shard, speaker, 0, Some(inherited));
    let listening = socket(&mut shard, listener, 0, None);
    for key in [speaking, listening] {
        shard.join(key, "room");
    }
    for id in [inherited, shard.sockets[listening.slot() as usize].id] {
        shard.deliver(&Broadcast::to_rooms(["room".into()], |_| vec![OutboundMessage::event("hello", "1").unwrap()]).except_socket(id));
    }
    let waiting = [filler, speaker, listener].map(|slot| shard.connections[slot as usize].outbox.bytes() > 0);
    assert_eq!(waiting, [false, true, true]);
    let bytes = [speaker, listener].map(|slot| shard.connections[slot as usize].outbox.bytes());
    assert_eq!(bytes[0], bytes[1], "each has received one of the two");
}

#[test]
fn broadcast_to_everyone_is_flushed_after_room_broadcasts() {
    let mut shard = shard();
    let [bystander, talker] = [(); 2].map(|()| connection(&mut shard));
    socket(&mut shard, bystander, 0, None);
    let talking = socket(&mut shard, talker, 0, None);
    shard.join(talking, "room");
    let hello = |_| vec![OutboundMessage::event("hello", "1").unwrap()];

    shard.deliver(&Broadcast::to_everyone(hello));
    shard.deliver(&Broadcast::to_rooms(["room".into()], hello));
    let mut next = |priority| shard.flush_queue.next(priority);
    assert_eq!([next(FlushPriority::Soon), next(FlushPriority::Soon)], [Some(talker), None]);
    assert_eq!([next(FlushPriority::Later), next(FlushPriority::Later), next(FlushPriority::Later)], [Some(bystander), Some(talker), None]);
    // The talker's entry in the second row is skipped, because the talker moved to the first row.
    assert_eq!([bystander, talker].map(|slot| shard.connections[slot as usize].queued), [FlushPriority::Later, FlushPriority::Soon]);
}

/// A signal whose newest version matters.
struct Signal(&'static str);

impl MessageSource for Signal {
    fn render(&self, _: Namespace) -> Vec<OutboundMessage> {
        vec![OutboundMessage::event(self.0, "1").unwrap()]
    }

    fn parts(&self, namespace: Namespace) -> Vec<(Option<ConflationKey>, Vec<OutboundMessage>)> {
        vec![(Some(1), self.render(namespace))]
    }
}

#[test]
fn newest_signal_stays_last_when_client_keeps_up_in_between() {
    let mut shard = shard();
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    shard.join(key, "room");
    let send = |shard: &mut Shard<NoopApp>, text: &str| {
        let args = format!("{text:?}");
        shard.deliver(&Broadcast::to_rooms(["room".into()], move |_: Namespace| {
            vec![OutboundMessage::event("event", args.clone()).unwrap()]
        }));
    };
    let signal = |shard: &mut Shard<NoopApp>, name| shard.deliver(&Broadcast::to_rooms(["room".into()], Signal(name)).newest_only());
    let large = "x".repeat(MAX_BETWEEN_POLLS_BYTES);
    send(&mut shard, &large);
    send(&mut shard, "small");
    signal(&mut shard, "stop");
    // The client takes the large message, and keeps up with its connection until the next large one.
    drop(shard.connections[slot as usize].outbox.pop(&mut SpareQueues::default()));
    signal(&mut shard, "start");
    send(&mut shard, &large);
    signal(&mut shard, "stop");
    let text = waiting(&shard, slot);
    let signals: Vec<&str> = text.split('"').filter(|part| ["start", "stop"].contains(part)).collect();
    assert_eq!(signals, ["stop"]);
}

#[test]
fn socket_is_found_by_its_own_or_inherited_id() {
    let mut shard = shard();
    // Makes the slots of connections and sockets differ.
    connection(&mut shard);
    let (modern, old) = (connection(&mut shard), connection(&mut shard));
    let own = socket(&mut shard, modern, 0, None);
    let inherited = shard.connections[old as usize].id;
    let inheriting = socket(&mut shard, old, 0, Some(inherited));
    let found = |shard: &Shard<NoopApp>, key: SocketKey| shard.find(&shard.sockets[key.slot() as usize].id);
    assert_eq!([own, inheriting].map(|key| found(&shard, key)), [Some(own), Some(inheriting)]);
    assert_eq!(shard.find(&shard.connections[modern as usize].id), None, "the id of a session is not the id of a socket");
    let elsewhere = Id::new(1, own.slot(), &mut shard.random);
    assert_eq!(shard.find(&elsewhere), None);
    shard.sockets[own.slot() as usize].data = None;
    assert_eq!(found(&shard, own), None, "the socket is not accepted");
}

#[test]
fn replay_sends_the_newest_broadcasts_that_fit() {
    let message = |number: u8| Broadcast::to_everyone(move |_| vec![OutboundMessage::event("said", number.to_string()).unwrap()]).into();
    let broadcasts: Vec<Arc<Broadcast>> = (5..=9).map(message).collect();
    let one = r#"42["said",5]"#.len() + 2;
    for (limit, waiting, expected) in
        [(9 * one, 0, "56789"), (3 * one + 1, 0, "789"), (3 * one, 1, "89"), (one - 1, 0, ""), (one, 2 * one, "")]
    {
        let config = Config { namespaces: vec!["/".into()], outbox_limit: limit, ..Config::default() };
        let mut shard: Shard<NoopApp> = Shard::new(0, Arc::new(config), None, Instant::now());
        let slot = connection(&mut shard);
        let key = socket(&mut shard, slot, 0, None);
        if waiting > 0 {
            shard.send(slot, vec![b'x'; waiting].into());
        }
        shard.send_replayed(key, &broadcasts);
        let mut slices = [IoSlice::new(&[]); 8];
        let count = shard.connections[slot as usize].outbox.slices(&mut slices);
        let sent = slices[..count].iter().flat_map(|slice| slice.iter()).filter(|byte| (b'5'..=b'9').contains(byte));
        let sent: String = sent.map(|byte| char::from(*byte)).collect();
        assert_eq!(sent, expected, "{limit} {waiting}");
    }
}

#[test]
fn socket_receives_nothing_before_it_is_accepted() {
    let mut shard = shard();
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    shard.sockets[key.slot() as usize].data = None;
    let id = shard.id(key).unwrap();
    let hello = OutboundMessage::event("hello", "1").unwrap();
    assert!(!shard.join(key, "room"), "it is not accepted");
    shard.emit(key, &hello);
    assert_eq!(shard.emit_with_ack(key, &hello), None);
    for room in ["room", id.text().as_str()] {
        let hello = hello.clone();
        shard.deliver(&Broadcast::to_rooms([room.into()], move |_| vec![hello.clone()]));
    }
    assert_eq!(waiting(&shard, slot), "");
    assert!(shard.accept(key, ()));
    assert!(shard.join(key, "room"));
    shard.deliver(&Broadcast::to_rooms(["room".into()], move |_| vec![hello.clone()]));
    assert_eq!(waiting(&shard, slot), format!(r#"40{{"sid":"{}"}} 42["hello",1]"#, id.text()));
}

#[test]
fn socket_is_in_the_room_named_as_its_id() {
    let mut shard = shard();
    let slots = [(); 2].map(|()| connection(&mut shard));
    let [key, other] = slots.map(|slot| socket(&mut shard, slot, 0, None));
    let id = shard.id(key).unwrap().text();
    assert!(shard.is_in(key, &id) && !shard.is_in(other, &id));
    assert!(!shard.join(key, &id) && !shard.leave(key, &id));
    assert!(shard.join(other, &id), "another socket may join it");
    shard.join(key, "room");
    assert_eq!(shard.members(&id).collect::<Vec<_>>(), [other, key]);
    assert_eq!(shard.rooms_of(key).collect::<Vec<_>>(), ["room"]);
    let to = |rooms: &[&str], number: u8| {
        let rooms: Arc<[Arc<str>]> = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, move |_| vec![OutboundMessage::event("n", number.to_string()).unwrap()])
    };
    shard.deliver(&to(&[&id], 1));
    shard.deliver(&to(&[&id, "room", &id], 2));
    shard.deliver(&to(&["room"], 3).except_room(id.as_str().into()));
    shard.deliver(&to(&[&id], 4).in_namespace(Namespace(1)));
    assert_eq!(slots.map(|slot| waiting(&shard, slot)), [r#"42["n",1] 42["n",2]"#, r#"42["n",1] 42["n",2]"#]);
}

#[test]
fn key_is_invalid_on_another_shard() {
    let mut own = shard();
    let config = Config { namespaces: vec!["/".into()], ..Config::default() };
    let mut other: Shard<NoopApp> = Shard::new(1, Arc::new(config), None, Instant::now());
    let keys = [&mut own, &mut other].map(|shard| {
        let slot = connection(shard);
        socket(shard, slot, 0, None)
    });
    assert_eq!(keys.map(SocketKey::shard), [0, 1]);
    assert_eq!(keys.map(SocketKey::slot), [0, 0]);
    let foreign = keys[1];
    assert!(own.data(keys[0]).is_some() && own.data(foreign).is_none() && own.id(foreign).is_none());
    assert!(!own.join(foreign, "room") && !own.leave(foreign, "room"));
    own.emit(foreign, &OutboundMessage::event("hello", "1").unwrap());
    own.disconnect(foreign, true);
    own.close(foreign, 1000, "");
    assert_eq!(waiting(&own, 0), "");
    assert!(own.pending_closes.is_empty());
}

#[test]
fn event_that_clients_would_reject_is_an_error() {
    use wire::socketio::EncodeError::*;
    let placeholder = r#"{"_placeholder":true,"num":1}"#;
    let reserved = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
    for name in reserved {
        assert_eq!(OutboundMessage::event(name, "1").unwrap_err(), ReservedEvent(name.into()));
    }
    for args in ["", "1", "1,2", r#"{"a":[true,null]} , "b""#] {
        assert!(OutboundMessage::event("hello", args).is_ok(), "{args}");
    }
    for args in ["a", "1,", ",1", "1 2", "[1", "1]", "1],[2", "{}}", "'a'", "\u{0}"] {
        assert_eq!(OutboundMessage::event("hello", args).unwrap_err(), Arguments, "{args}");
    }
    assert_eq!(OutboundMessage::event("hello", "[".repeat(300)).unwrap_err(), TooDeep);
    for (attachments, expected) in [(1, Some(IllegalPlaceholder)), (2, None), (10, None), (11, Some(TooManyAttachments))] {
        assert_eq!(
            OutboundMessage::event_with_attachments("hello", placeholder, vec![vec![1]; attachments]).err(),
            expected,
            "{attachments}"
        );
    }
    let mut shard = shard();
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    assert_eq!(shard.ack(key, 1, "[", &[]), Err(Arguments));
    assert_eq!(shard.reject(key, "no", Some("}")), Err(Arguments));
    assert_eq!(shard.reject(key, "no", Some("")), Err(Arguments));
    assert_eq!(waiting(&shard, slot), "");
}

#[test]
fn socket_awaits_the_newest_acknowledgements() {
    let mut shard = shard();
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    let question = OutboundMessage::event("ask", "").unwrap();
    let ids: Vec<u64> = (0..1025).map(|_| shard.emit_with_ack(key, &question).unwrap()).collect();
    let pending_acks = shard.sockets[key.slot() as usize].pending_acks.as_mut().unwrap();
    assert_eq!(pending_acks.take(ids[0]), None);
    assert_eq!(pending_acks.take(ids[1]), Some(ids[1]));
    assert_eq!(pending_acks.take(ids[1]), None, "once");
    assert_eq!(shard.emit_with_ack(key, &OutboundMessage::Text("no event".into())), None);
}

#[test]
fn input_limit_is_lifted_when_a_socket_is_accepted() {
    let mut shard = shard();
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    shard.sockets[key.slot() as usize].data = None;
    assert_eq!(shard.max_input(slot), 16 * 1024);
    assert!(shard.accept(key, ()));
    assert_eq!(shard.max_input(slot), shard.config.max_payload);
    shard.remove_socket(key.slot());
    assert_eq!(shard.max_input(slot), shard.config.max_payload);
}

#[test]
fn log_follows_a_broadcast_through_a_polling_outbox() {
    let config = Config { namespaces: vec!["/".into()], delivery_log_bytes: 1 << 20, ..Config::default() };
    let mut shard: Shard<NoopApp> = Shard::new(0, Arc::new(config), None, Instant::now());
    let slot = connection(&mut shard);
    let key = socket(&mut shard, slot, 0, None);
    shard.join(key, "room");
    let big = "x".repeat(MAX_BETWEEN_POLLS_BYTES);
    let broadcast = |number: u64, text: &str| {
        let message = OutboundMessage::event("hello", format!("\"{text}\"")).unwrap();
        Broadcast::to_rooms(["room".into()], move |_| vec![message.clone()]).numbered(number)
    };
    shard.deliver(&broadcast(1, &big));
    shard.flush(slot);
    shard.deliver(&broadcast(2, "old").superseding(9));
    shard.deliver(&broadcast(3, "new").superseding(9));
    let steps = |shard: &Shard<NoopApp>, number| {
        let trace = shard.trace(key).unwrap();
        shard.delivery_log().steps(&trace, number).into_iter().map(|(_, step)| step).collect::<Vec<_>>()
    };
    let queued = DeliveryStep::Delivered(DeliveryOutcome::Queued);
    assert_eq!([1, 2, 3].map(|number| steps(&shard, number)), [vec![queued], vec![queued, DeliveryStep::Replaced(3)], vec![queued]]);
    assert!(shard.trace(key).unwrap().waiting_bytes > MAX_BETWEEN_POLLS_BYTES);

    // The client polls, and answers a ping that the server sent before.
    let (get, _response) = tokio::sync::oneshot::channel();
    if let Transport::Polling(polling) = &mut shard.connections[slot as usize].transport {
        polling.get = Some(get);
    }
    shard.respond_to_poll(slot);
    assert_eq!(steps(&shard, 3), [queued, DeliveryStep::Written]);
    shard.connections[slot as usize].pings = 1;
    shard.connections[slot as usize].last_ping = shard.delivered_to(slot);
    shard.ponged(slot);
    assert_eq!([1, 3].map(|number| steps(&shard, number)), [(); 2].map(|()| vec![queued, DeliveryStep::Written, DeliveryStep::Confirmed]));

    assert_eq!(shard.in_room_since(key, "room"), Some(shard.delivery_log().instant(0)));
    let trace = shard.trace(key).unwrap();
    shard.leave(key, "room");
    assert_eq!((shard.in_room_since(key, "room"), shard.delivery_log().ended_stays(&trace, "room").len()), (None, 1));
}
