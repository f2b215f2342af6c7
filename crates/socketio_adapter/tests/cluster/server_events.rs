//! Events for servers: with and without an answer, in both directions.

use std::time::Duration;

use serde_json::json;
use socketio_adapter::{Event, Payload};

use super::setup::{Cluster, RustServer};

#[tokio::test]
async fn events_of_node_for_servers_reach_rust() {
    let cluster = Cluster::start().await;
    cluster.rust.local.answer_server_events_with(r#"{"from":["rust"]}"#);
    cluster.node.run("io.serverSideEmit('hello', 1, { two: [3] })").await;
    assert_eq!(cluster.rust.local.server_event().await, Event::new("hello", r#"1,{"two":[3]}"#));
    assert_eq!(cluster.node.run("return io.serverSideEmitWithAck('question', '?')").await, json!([{ "from": ["rust"] }]));
    assert_eq!(cluster.rust.local.server_event().await, Event::new("question", r#""?""#));
}

#[tokio::test]
async fn events_of_rust_for_servers_reach_node() {
    let cluster = Cluster::start().await;
    cluster
        .node
        .run("globalThis.heard = []; io.on('hello', (...args) => heard.push(args)); io.on('question', (text, answer) => answer({ text }))")
        .await;
    cluster.rust.peers.server_side_emit(Event::new("hello", r#"1,{"two":[3]}"#)).unwrap();
    assert_eq!(cluster.node.run("await until(() => heard.length); return heard").await, json!([[1, { "two": [3] }]]));
    let answers = cluster.rust.peers.server_side_emit_with_ack(Event::new("question", r#""?""#)).await.unwrap();
    assert!(answers.is_complete);
    assert_eq!(answers.values, [Payload::json(r#"{"text":"?"}"#)]);
}

#[tokio::test]
async fn servers_that_do_not_answer_end_the_wait() {
    let cluster = Cluster::start_with_timeouts(Duration::from_millis(200), 200).await;
    let error = cluster.node.try_run("return io.serverSideEmitWithAck('question')").await.unwrap_err();
    assert_eq!(error["error"], "timeout reached: only 0 responses received out of 1");
    cluster.rust.local.answer_server_events_with("\"yes\"");
    // On a busy machine an answer may be too late as well; then the time is longer.
    for timeout in [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600] {
        let asker = RustServer::start(&cluster.redis, "asker", Duration::from_millis(timeout)).await;
        let answers = asker.peers.server_side_emit_with_ack(Event::new("question", "")).await.unwrap();
        assert_eq!((answers.expected_servers, answers.is_complete), (2, false));
        if answers.values == [Payload::json("\"yes\"")] {
            return;
        }
        asker.adapter.shutdown().await;
    }
    panic!("the other server does not answer");
}

#[tokio::test]
async fn host_that_never_answers_is_counted_and_ends_the_wait_of_node() {
    let cluster = Cluster::start_with_timeouts(Duration::from_millis(100), 300).await;
    cluster.rust.local.stop_answering();
    let error = cluster.node.try_run("return (await io.fetchSockets()).length").await.unwrap_err();
    assert_eq!(error["error"], "timeout reached while waiting for fetchSockets response");
    cluster.rust.until_stats(|stats| stats.late_answers == 1).await;
}
