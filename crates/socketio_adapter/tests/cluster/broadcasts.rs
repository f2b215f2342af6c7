//! Broadcasts in both directions: rooms, excepted rooms, flags, binary data, namespaces.

use serde_json::json;
use socketio_adapter::{Broadcast, Event, Flags, Selection};

use super::setup::Cluster;

fn selection(rooms: &[&str], except: &[&str]) -> Selection {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Selection { rooms: owned(rooms), except: owned(except) }
}

#[tokio::test]
async fn broadcasts_of_node_reach_the_selected_sockets_of_rust() {
    let Cluster { redis: _redis, node, rust } = Cluster::start().await;
    node.run(
        r#"io.emit("all", 1, "two", { three: [null, true] });
           io.to("a").emit("one room");
           io.to("a").to("both").emit("rooms");
           io.except("a").emit("except");
           io.to("both").except("rust1").emit("except id");
           io.to("rust2").emit("id");
           io.to("unknown").emit("unknown room");
           io.local.emit("local");
           io.of("/other").emit("other namespace");
           io.volatile.compress(true).emit("flags");
           io.emit("end");"#,
    )
    .await;
    let names = |events: Vec<(Event, Flags)>| events.into_iter().map(|(event, _)| event.name).collect::<Vec<_>>();
    let first = rust.local.events_until("rust1", "end").await;
    assert_eq!(first[0].0, Event::new("all", r#"1,"two",{"three":[null,true]}"#));
    assert_eq!(first.last().unwrap().1, Flags { volatile: true, compress: Some(true), ..Flags::default() });
    assert_eq!(names(first), ["all", "one room", "rooms", "flags"]);
    assert_eq!(names(rust.local.events_until("rust2", "end").await), ["all", "rooms", "except", "except id", "id", "flags"]);
    assert_eq!(rust.adapter.stats().garbage, 0);
}

#[tokio::test]
async fn broadcasts_of_rust_reach_the_selected_clients_of_node() {
    let cluster = Cluster::start().await;
    let ben = cluster.node.run("return clients.ben.server.id").await;
    let ben = ben.as_str().unwrap();
    let send = |name: &str, to: Selection, flags: Flags| {
        let broadcast = Broadcast { event: Event::new(name, r#"1,{"two":[null]}"#), to, flags };
        cluster.rust.peers.broadcast(&broadcast).unwrap();
    };
    // Node drops a volatile event for a client whose earlier packets are still being written.
    cluster.node.run("await until(() => Object.values(clients).every(({ server }) => server.conn.transport.writable))").await;
    send("flags", selection(&[], &[]), Flags { volatile: true, compress: Some(false), ..Flags::default() });
    cluster.node.run("await until(() => Object.values(clients).every(({ events }) => events.length))").await;
    send("all", selection(&[], &[]), Flags::default());
    send("one room", selection(&["a"], &[]), Flags::default());
    send("rooms", selection(&["a", "both"], &[]), Flags::default());
    send("except", selection(&[], &["a"]), Flags::default());
    send("except id", selection(&["both"], &[ben]), Flags::default());
    send("id", selection(&[ben], &[]), Flags::default());
    send("local", selection(&[], &[]), Flags { local: true, ..Flags::default() });
    send("end", selection(&[], &[]), Flags::default());
    let event = |name: &str| json!([name, 1, { "two": [null] }]);
    let anna = cluster.events_until("anna", "end").await;
    assert_eq!(anna, json!([event("flags"), event("all"), event("one room"), event("rooms"), event("except id")]));
    let ben = cluster.events_until("ben", "end").await;
    assert_eq!(ben, json!([event("flags"), event("all"), event("rooms"), event("except"), event("id")]));
}

#[tokio::test]
async fn binary_data_arrive_in_both_directions() {
    let cluster = Cluster::start().await;
    cluster.node.run(r#"io.emit("photo", { bytes: Buffer.from([0, 255]), more: [Buffer.from([7])] }, new Date(0)); io.emit("end")"#).await;
    cluster.events_until("anna", "end").await;
    let events = cluster.rust.local.events_until("rust1", "end").await;
    let args = r#"{"bytes":{"_placeholder":true,"num":0},"more":[{"_placeholder":true,"num":1}]},"1970-01-01T00:00:00.000Z""#;
    assert_eq!(events[0].0, Event { attachments: vec![vec![0, 255], vec![7]], ..Event::new("photo", args) });

    let event = Event {
        attachments: vec![vec![9; 300], vec![1]],
        ..Event::new("photo", r#"{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]"#)
    };
    cluster.rust.peers.broadcast(&Broadcast::new(event, Selection::all())).unwrap();
    cluster.rust.peers.broadcast(&Broadcast::new(Event::new("end", ""), Selection::all())).unwrap();
    let events = cluster.events_until("anna", "end").await;
    let bytes = |bytes: &[u8]| json!({ "type": "Buffer", "data": bytes });
    assert_eq!(events, json!([["photo", bytes(&[1]), [bytes(&[9; 300])]]]));
}

#[tokio::test]
async fn servers_with_another_prefix_are_another_cluster() {
    let cluster = Cluster::start().await;
    let other = super::node_server::NodeServer::start(&cluster.redis.url(), "another app", 1000).await;
    other.run(r#"io.emit("from another cluster")"#).await;
    cluster.node.run(r#"io.emit("end")"#).await;
    assert!(cluster.rust.local.events_until("rust1", "end").await.is_empty());
    assert_eq!(other.run("return io.of('/').adapter.serverCount()").await, 1);
    assert_eq!(cluster.rust.peers.server_count().await, Ok(2));
}
