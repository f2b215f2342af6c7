//! Broadcasts that clients acknowledge, in both directions, and without an answer.

use std::time::Duration;

use serde_json::{Value, json};
use socketio_adapter::{Broadcast, Event, Flags, Payload, Selection};

use super::memory_namespace::Acknowledges;
use super::setup::Cluster;

/// Timeouts in milliseconds that are tried one after the other.
const DOUBLING: [u64; 8] = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600];

fn with_timeout(event: Event, to: Selection, timeout: Option<Duration>) -> Broadcast {
    Broadcast { event, to, flags: Flags { timeout, ..Flags::default() } }
}

fn sorted(values: &Value) -> Vec<String> {
    let mut texts: Vec<String> = values.as_array().unwrap().iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

#[tokio::test]
async fn clients_of_both_servers_acknowledge_a_broadcast_of_node() {
    let cluster = Cluster::start().await;
    let responses = cluster.node.run("return io.timeout(3600000).emitWithAck('question', 1)").await;
    assert_eq!(sorted(&responses), ["\"anna\"", "\"ben\"", "\"rust1\"", "\"rust2\""]);
    let responses = cluster.node.run("return io.timeout(3600000).to('a').emitWithAck('question')").await;
    assert_eq!(sorted(&responses), ["\"anna\"", "\"rust1\""]);
    let responses = cluster.node.run("return io.timeout(3600000).to('nothing').emitWithAck('question')").await;
    assert_eq!(responses, json!([]));
    // A remote socket has one response, which is not in an array.
    let response =
        cluster.node.run("const [socket] = await io.in('rust2').fetchSockets(); return socket.timeout(3600000).emitWithAck('one')").await;
    assert_eq!(response, "rust2");
    let events = cluster.rust.local.events_until("rust2", "one").await;
    assert_eq!(events[0].0, Event::new("question", "1"));
}

#[tokio::test]
async fn clients_of_node_acknowledge_a_broadcast_of_rust() {
    let cluster = Cluster::start().await;
    let ask = |to: Selection| cluster.rust.peers.broadcast_with_ack(with_timeout(Event::new("question", "[2]"), to, None));
    let mut all = ask(Selection::all()).await.unwrap();
    all.values.sort_by(|a, b| a.json.cmp(&b.json));
    assert!(all.is_complete);
    assert_eq!(all.values, [Payload::json("\"anna\""), Payload::json("\"ben\"")]);
    assert_eq!(ask(Selection::room("a")).await.unwrap().values, [Payload::json("\"anna\"")]);
    let no_sockets = ask(Selection::room("nothing")).await.unwrap();
    assert!(no_sockets.is_complete && no_sockets.values.is_empty() && no_sockets.servers == 1);
    let events = cluster.node.run("return clients.anna.events").await;
    assert_eq!(events, json!([["question", [2]], ["question", [2]]]));
}

#[tokio::test]
async fn acknowledgements_carry_binary_data_in_both_directions() {
    let cluster = Cluster::start().await;
    let payload = Payload { json: r#"{"photo":{"_placeholder":true,"num":0}}"#.to_owned(), attachments: vec![vec![1, 2, 255]] };
    cluster.rust.local.add_socket("photographer", &["photos"], "null", Acknowledges::With(payload));
    let responses = cluster.node.run("return io.timeout(3600000).to('photos').emitWithAck('show', Buffer.from([5]))").await;
    assert_eq!(responses, json!([{ "photo": { "type": "Buffer", "data": [1, 2, 255] } }]));

    cluster.node.run("await connect('cara', { rooms: ['photos'], answer: [Buffer.from([3])] })").await;
    let event = Event { attachments: vec![vec![6]], ..Event::new("show", r#"{"_placeholder":true,"num":0}"#) };
    let responses = cluster.rust.peers.broadcast_with_ack(with_timeout(event, Selection::room("photos"), None)).await.unwrap();
    assert_eq!(responses.values, [Payload { json: r#"[{"_placeholder":true,"num":0}]"#.to_owned(), attachments: vec![vec![3]] }]);
    let events = cluster.node.run("return clients.cara.events").await;
    assert_eq!(events, json!([["show", { "type": "Buffer", "data": [6] }]]));
}

#[tokio::test]
async fn client_of_rust_that_does_not_answer_ends_the_wait_of_node() {
    let cluster = Cluster::start().await;
    cluster.rust.local.add_socket("silent", &["a"], "null", Acknowledges::Never);
    // On a busy machine the others may be too late as well; then the time is longer.
    for timeout in DOUBLING {
        let code = format!("return io.timeout({timeout}).to('a').emitWithAck('question')");
        let error = cluster.node.try_run(&code).await.unwrap_err();
        assert_eq!(error["error"], "operation has timed out");
        if sorted(&error["responses"]) == ["\"anna\"", "\"rust1\""] {
            return;
        }
    }
    panic!("the others do not answer");
}

#[tokio::test]
async fn client_of_node_that_does_not_answer_ends_the_wait_of_rust() {
    let cluster = Cluster::start().await;
    cluster.node.run("await connect('silent', { rooms: ['a'] })").await;
    for timeout in DOUBLING {
        let broadcast = with_timeout(Event::new("question", ""), Selection::room("a"), Some(Duration::from_millis(timeout)));
        let responses = cluster.rust.peers.broadcast_with_ack(broadcast).await.unwrap();
        assert!(!responses.is_complete);
        if (responses.servers, responses.values) == (1, vec![Payload::json("\"anna\"")]) {
            return;
        }
    }
    panic!("the others do not answer");
}

#[tokio::test]
async fn late_acknowledgements_are_ignored() {
    let cluster = Cluster::start().await;
    cluster.node.run("await connect('slow', { rooms: ['slow'] }); clients.slow.socket.on('question', (acknowledge) => { globalThis.late = acknowledge })").await;
    let broadcast = with_timeout(Event::new("question", ""), Selection::room("slow"), Some(Duration::from_millis(100)));
    assert!(!cluster.rust.peers.broadcast_with_ack(broadcast).await.unwrap().is_complete);
    cluster.node.run("await until(() => globalThis.late); late('too late'); io.emit('end')").await;
    // Acknowledgements of another request still find their way.
    let again = cluster.rust.peers.broadcast_with_ack(with_timeout(Event::new("again", ""), Selection::room("a"), None)).await.unwrap();
    assert_eq!(again.values, [Payload::json("\"anna\"")]);
    assert_eq!(cluster.rust.adapter.stats().garbage, 0);
}
