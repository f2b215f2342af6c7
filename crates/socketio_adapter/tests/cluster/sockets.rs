//! What one server does with the sockets of another: fetch, join, leave, disconnect, list rooms, and count servers.

use serde_json::{Value, json};
use socketio_adapter::Selection;

use super::setup::{Cluster, LONG, RustServer};

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

#[tokio::test]
async fn node_fetches_the_sockets_of_rust() {
    let cluster = Cluster::start().await;
    let sockets = cluster
        .node
        .run(
            r#"const sockets = await io.except("ben").in("both").fetchSockets();
               return sockets.map(({ id, rooms, data, handshake }) => ({ id, rooms: [...rooms], data, agent: handshake.headers["user-agent"] }))
                 .filter(({ id }) => id.startsWith("rust"));"#,
        )
        .await;
    assert_eq!(
        sockets,
        json!([
            { "id": "rust1", "rooms": ["a", "both", "rust1"], "data": { "number": 1 }, "agent": "memory" },
            { "id": "rust2", "rooms": ["both", "rust2"], "data": { "number": 2 }, "agent": "memory" },
        ])
    );
    let count = |code: &'static str| cluster.node.run(code);
    assert_eq!(count("return (await io.fetchSockets()).length").await, 4);
    assert_eq!(count("return (await io.in('a').fetchSockets()).length").await, 2);
    assert_eq!(count("return (await io.in('rust1').fetchSockets()).length").await, 1);
    assert_eq!(count("return (await io.in('nothing').fetchSockets()).length").await, 0);
    assert_eq!(count("return (await io.local.fetchSockets()).length").await, 2);
}

#[tokio::test]
async fn rust_fetches_the_sockets_of_node() {
    let cluster = Cluster::start().await;
    let peers = &cluster.rust.peers;
    let anna = cluster.node.run("return clients.anna.server.id").await.as_str().unwrap().to_owned();
    let found = peers.fetch_sockets(Selection::room("a")).await.unwrap();
    assert!(found.is_complete);
    assert_eq!((found.servers, found.expected_servers, found.values.len()), (1, 1, 1));
    let socket = &found.values[0];
    assert_eq!((&socket.id, &socket.data), (&anna, &r#"{"role":"first"}"#.to_owned()));
    assert_eq!(sorted(socket.rooms.clone()), sorted(vec![anna.clone(), "a".into(), "both".into()]));
    let handshake: Value = serde_json::from_str(&socket.handshake).unwrap();
    assert_eq!(handshake["query"]["transport"], "websocket");

    let except = Selection { rooms: Vec::new(), except: vec!["a".into()] };
    assert_eq!(peers.fetch_sockets(except).await.unwrap().values.len(), 1);
    assert_eq!(peers.fetch_sockets(Selection::room("nothing")).await.unwrap().values.len(), 0);
    assert_eq!(peers.socket_ids(vec!["a".into()]).await.unwrap().values, std::slice::from_ref(&anna));
    assert_eq!(peers.socket_ids(Vec::new()).await.unwrap().values.len(), 2);
    assert!(peers.rooms().await.unwrap().values.contains(&"both".to_owned()));
}

#[tokio::test]
async fn node_lists_the_rooms_of_rust() {
    let cluster = Cluster::start().await;
    let rooms = cluster.node.run("return [...await io.of('/').adapter.allRooms()].filter((room) => room.length < 10).sort()").await;
    assert_eq!(rooms, json!(["a", "both", "rust1", "rust2"]));
}

#[tokio::test]
async fn sockets_of_rust_join_and_leave_rooms_for_node() {
    let cluster = Cluster::start().await;
    let local = &cluster.rust.local;
    cluster.node.run("io.in('a').socketsJoin(['b', 'c']); io.in('rust2').socketsJoin('d')").await;
    local.until_rooms_are("rust1", &["a", "both", "b", "c"]).await;
    local.until_rooms_are("rust2", &["both", "d"]).await;
    cluster.node.run("io.except('rust2').socketsLeave(['both', 'b']); io.to('b').emit('no receiver'); io.emit('end')").await;
    local.until_rooms_are("rust1", &["a", "c"]).await;
    assert_eq!(local.rooms_of("rust2"), ["both", "d"]);
    assert!(local.events_until("rust1", "end").await.is_empty());
}

#[tokio::test]
async fn sockets_of_node_join_and_leave_rooms_for_rust() {
    let cluster = Cluster::start().await;
    let rooms = |client: &str| {
        let code = format!("return [...clients.{client}.server.rooms].filter((room) => room.length < 10).sort()");
        let node = &cluster.node;
        async move { node.run(&code).await }
    };
    cluster.rust.peers.join(Selection::room("a"), vec!["b".into(), "c".into()]).unwrap();
    cluster.node.run("await until(() => clients.anna.server.rooms.has('c'))").await;
    assert_eq!((rooms("anna").await, rooms("ben").await), (json!(["a", "b", "both", "c"]), json!(["both"])));
    cluster.rust.peers.leave(Selection::all(), vec!["both".into(), "b".into()]).unwrap();
    cluster.node.run("await until(() => !clients.ben.server.rooms.has('both'))").await;
    assert_eq!((rooms("anna").await, rooms("ben").await), (json!(["a", "c"]), json!([])));
    // The adapter's own messages come back from Redis, and are not applied to the host's sockets.
    assert_eq!(cluster.rust.local.rooms_of("rust1"), ["a", "both"]);
}

#[tokio::test]
async fn sockets_are_disconnected_in_both_directions() {
    let cluster = Cluster::start().await;
    cluster.node.run("io.in('rust1').disconnectSockets(); io.in('rust2').disconnectSockets(true)").await;
    assert_eq!(cluster.rust.local.disconnected(2).await, [("rust1".to_owned(), false), ("rust2".to_owned(), true)]);
    cluster.rust.peers.disconnect(Selection::room("a"), false).unwrap();
    cluster.node.run("await until(() => clients.anna.disconnected)").await;
    assert_eq!(
        cluster.node.run("return [clients.anna.disconnected, clients.ben.disconnected]").await,
        json!(["io server disconnect", false])
    );
    cluster.rust.peers.disconnect(Selection::all(), true).unwrap();
    cluster.node.run("await until(() => clients.ben.disconnected && clients.ben.server.conn.readyState === 'closed')").await;
}

#[tokio::test]
async fn servers_are_counted_as_they_come_and_go() {
    let cluster = Cluster::start().await;
    let second = RustServer::start(&cluster.redis, "second", LONG).await;
    assert_eq!(cluster.rust.peers.server_count().await, Ok(3));
    assert_eq!(cluster.node.run("return io.of('/').adapter.serverCount()").await, 3);
    assert_eq!(cluster.node.run("return (await io.fetchSockets()).length").await, 6);
    let found = cluster.rust.peers.fetch_sockets(Selection::all()).await.unwrap();
    assert_eq!((found.servers, found.values.len(), found.is_complete), (2, 4, true));
    second.adapter.shutdown().await;
    cluster.until_both_are_counted().await;
    assert_eq!(cluster.node.run("return (await io.fetchSockets()).length").await, 4);
}

#[tokio::test]
async fn requests_for_one_socket_of_old_servers_are_confirmed() {
    let cluster = Cluster::start().await;
    cluster.node.run("globalThis.responses = []; await subscriber.subscribe('my app-response#/#', (text) => responses.push(text))").await;
    for request in [
        r#"{"type":2,"requestId":"1","sid":"unknown","room":"x"}"#,
        r#"{"type":2,"requestId":"2","sid":"rust1","room":"x"}"#,
        r#"{"type":3,"requestId":"3","sid":"rust1","room":"a"}"#,
        r#"{"type":4,"requestId":"4","sid":"rust2","close":true}"#,
    ] {
        cluster.redis.publish("my app-request#/#", request.as_bytes()).await;
    }
    let responses = cluster.node.run("await until(() => responses.length === 3); return responses.sort()").await;
    assert_eq!(responses, json!([r#"{"requestId":"2"}"#, r#"{"requestId":"3"}"#, r#"{"requestId":"4"}"#]));
    assert_eq!(cluster.rust.local.rooms_of("rust1"), ["both", "x"]);
    assert_eq!(cluster.rust.local.disconnected(1).await, [("rust2".to_owned(), true)]);
}
