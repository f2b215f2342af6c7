//! `roomcast explain`, with a running server.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::running::Running;
use crate::{command, error, printed};

#[test]
fn explanation_says_what_became_of_an_emitted_event() {
    let server = Running::start(&[("WS_HEARTBEAT_INTERVAL", "100ms")]);
    let environment = [("PORT", server.port.as_str())];
    let arguments = ["connect", "--as", "anna", "--count", "2", "--json"];
    let mut client = command(server.path(), &environment, &arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let position = printed(server.path(), &environment, &["emit", "order", "7", "--user", "anna", "--user", "ben"]);
    let position = position.trim_end();
    lines.next().unwrap().unwrap();
    assert!(client.wait().unwrap().success(), "the client has left after the event");

    let json = printed(server.path(), &environment, &["explain", position, "anna", "--json"]);
    let explanation: Value = serde_json::from_str(&json).unwrap();
    let steps = explanation["connections"][0]["steps"].as_array().unwrap();
    assert_eq!((&steps[0]["step"], &steps[1]["step"]), (&"queued".into(), &"written".into()), "{json}");

    let text = printed(server.path(), &environment, &["explain", position, "anna"]);
    assert!(text.contains(&format!("\nevent {position}: emitted by a back end, to user:anna, user:ben\nstored     2")), "{text}");
    assert!(text.contains(" (raw WebSocket, raw) since 2") && text.contains("  in user:anna since 2"), "{text}");
    assert!(text.contains("written    The server passed the event to the network.\n"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("The log of deliveries reaches back to 2"), "{text}");
    let text = printed(server.path(), &environment, &["explain", position, "ben"]);
    assert!(text.starts_with("ben did not receive the event: ben had no connection when it was published.\n\nevent "), "{text}");

    let line = error(server.path(), &environment, &["explain", "hello world", "anna"]);
    assert!(
        line.ends_with(" has answered 400: event: must be a position such as 4jx0Bn1c-1042, or the id of a message (invalid)"),
        "{line}"
    );
}
