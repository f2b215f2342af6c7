//! A server starts, also again, and ends.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use test_redis::TestServer;

/// Sends a command on a connection of its own, and returns the first line of the reply.
fn reply(server: &TestServer, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn killed_server_starts_again_on_its_port_without_data() {
    let mut server = TestServer::start(&[]);
    let port = server.port();
    assert_eq!(reply(&server, "SET key value"), "+OK");
    server.kill();
    server.kill();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    server.start_again();
    assert_eq!((server.port(), reply(&server, "GET key")), (port, "$-1".to_owned()));
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn server_with_a_password_is_ready_after_its_start() {
    let server = TestServer::start(&["--requirepass", "sesame"]);
    assert!(reply(&server, "GET key").starts_with("-NOAUTH"));
    assert_eq!(reply(&server, "AUTH sesame"), "+OK");
    assert_eq!(server.url_as(":sesame@"), format!("redis://:sesame@127.0.0.1:{}", server.port()));
}

#[test]
#[should_panic(expected = "Redis does not start: ")]
fn wrong_option_fails_with_the_log() {
    TestServer::start(&["--no-such-option", "1"]);
}
