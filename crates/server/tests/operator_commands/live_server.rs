//! `roomcast emit`, `connect`, `users`, `rooms` and `connections`, with a running server.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::running::Running;
use crate::{SECRET, command, error, folder, printed};

#[test]
fn emitted_event_reaches_a_connected_client_and_the_lists_show_it() {
    let server = Running::start(&[]);
    let environment = [("PORT", server.port.as_str())];
    let arguments = ["connect", "--as", "anna", "--count", "3", "--json"];
    let mut client = command(server.path(), &environment, &arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["type"], "connected");
    client.stdin.as_mut().unwrap().write_all(b"\n{\"type\":\"ping\"}\n").unwrap();
    assert_eq!(next()["type"], "pong");

    assert_eq!(printed(server.path(), &environment, &["users", "anna", "ben"]), "anna  online\nben   offline\n");
    assert_eq!(printed(server.path(), &environment, &["users"]), "online users: 1\n");
    let connections = printed(server.path(), &environment, &["connections"]);
    assert!(connections.contains("transport raw") && connections.starts_with("open connections         1\n"), "{connections}");
    let rooms: Value = serde_json::from_str(&printed(server.path(), &environment, &["rooms", "--json"])).unwrap();
    assert!(rooms["rooms"].is_array(), "{rooms}");

    let emitted = printed(server.path(), &environment, &["emit", "order:update", r#"{"order":7}"#, "--user", "anna"]);
    let event = next();
    assert_eq!((&event["type"], &event["data"]), (&json!("order:update"), &json!({"order": 7})));
    assert_eq!(event["id"].as_str().unwrap(), emitted.trim_end());
    assert!(client.wait().unwrap().success(), "the count is reached");
}

#[test]
fn rejected_commands_print_one_line_with_the_remedy() {
    let server = Running::start(&[SECRET, ("HOST", "127.0.0.1")]);
    let url = server.url();
    let folder = folder();
    let other = ("JWT_SECRET", "another secret, which the server does not have");
    let line = error(folder.path(), &[other], &["users", "--url", &url]);
    assert_eq!(line, format!("{url} has answered 401: The token is not valid (token_invalid)"));
    let line = error(folder.path(), &[SECRET], &["users", "--url", "https://app.example.com"]);
    assert_eq!(line, "https://app.example.com is not on this machine; name its key with --key or ROOMCAST_API_KEY");
    let line = error(folder.path(), &[SECRET], &["emit", "a", "--url", &url]);
    assert_eq!(line, "name the receivers with --room, --user or --everyone");
    let line = error(folder.path(), &[SECRET], &["emit", "a", "hello", "--everyone", "--url", &url]);
    assert!(line.starts_with("the payload is not JSON; a text needs quotes, such as '\"hello\"'"), "{line}");
    let line = error(folder.path(), &[SECRET], &["emit", "connect", "--everyone", "--url", &url]);
    assert!(line.contains(" has answered 400: event: ") && line.ends_with("(invalid)"), "{line}");
    let line = error(folder.path(), &[SECRET], &["connect", "--token", "nonsense", "--url", &url]);
    assert!(line.starts_with("the server has closed the connection with 4401: "), "{line}");
    let line = error(folder.path(), &[SECRET], &["users", "--url", "http://127.0.0.1:1"]);
    assert!(line.starts_with("http://127.0.0.1:1 cannot be reached: Connection refused"), "{line}");
}
