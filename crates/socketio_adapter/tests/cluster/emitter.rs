//! What `@socket.io/redis-emitter` sends, which is no server of the cluster.

use serde_json::json;
use socketio_adapter::Event;

use super::setup::Cluster;

#[tokio::test]
async fn all_messages_of_the_emitter_reach_rust() {
    let cluster = Cluster::start().await;
    let local = &cluster.rust.local;
    cluster
        .node
        .run(
            r#"emitter.emit("all", 1, Buffer.from([2]));
               emitter.to("a").emit("one room");
               emitter.to(["a", "both"]).except("rust2").emit("rooms");
               emitter.of("/other").emit("other namespace");
               emitter.volatile.emit("volatile");
               emitter.emit("end");"#,
        )
        .await;
    let names = |events: &[(Event, socketio_adapter::Flags)]| events.iter().map(|(event, _)| event.name.clone()).collect::<Vec<_>>();
    let first = local.events_until("rust1", "end").await;
    assert_eq!(first[0].0, Event { attachments: vec![vec![2]], ..Event::new("all", r#"1,{"_placeholder":true,"num":0}"#) });
    assert_eq!(names(&first), ["all", "one room", "rooms", "volatile"]);
    assert!(first[3].1.volatile);
    assert_eq!(names(&local.events_until("rust2", "end").await), ["all", "volatile"]);

    cluster.node.run("emitter.in('a').socketsJoin('b'); emitter.in('rust2').socketsLeave(['both'])").await;
    local.until_rooms_are("rust1", &["a", "b", "both"]).await;
    local.until_rooms_are("rust2", &[]).await;
    cluster.node.run("emitter.serverSideEmit('hello', 'from the emitter')").await;
    assert_eq!(local.server_event().await, Event::new("hello", r#""from the emitter""#));
    cluster.node.run("emitter.in('rust1').disconnectSockets(true)").await;
    assert_eq!(local.disconnected(1).await, [("rust1".to_owned(), true)]);
    assert_eq!(cluster.node.run("return io.of('/').adapter.serverCount()").await, json!(2));
    assert_eq!(cluster.rust.adapter.stats().garbage, 0);
}
