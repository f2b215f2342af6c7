//! The link of an error response to the page about its code: a field of the body in dev mode, and a header in every mode.

use std::io::{Read, Write};
use std::net::TcpStream;

use client_json::error_help::ERROR_HELP;
use serde_json::Value;

use crate::SECRET;
use crate::running::Running;

/// The head and the body of a response.
fn get(server: &Running, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port.parse().unwrap())).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[test]
fn error_response_links_to_its_page_in_dev_mode_also_in_its_body() {
    let dev = Running::start(&[]);
    let production = Running::start(&[SECRET, ("NODE_ENV", "production"), ("HOST", "127.0.0.1")]);
    for (path, code) in [("/households", "token_missing"), ("/no-such-path", "not_found"), ("/api/v1/trips", "token_missing")] {
        for (server, docs) in [(&dev, Some(format!("/docs/errors/{code}"))), (&production, None)] {
            let (head, body) = get(server, path);
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((body["code"].as_str(), body["docs"].as_str()), (Some(code), docs.as_deref()), "{path}");
            assert!(head.contains(&format!("\r\nlink: </docs/errors/{code}>; rel=\"help\"")), "{head}");
        }
    }
}

#[test]
fn each_code_has_a_page_that_needs_no_token() {
    let server = Running::start(&[SECRET, ("HOST", "127.0.0.1")]);
    let (_, list) = get(&server, "/docs/errors");
    for help in &ERROR_HELP {
        let (head, page) = get(&server, &format!("/docs/errors/{}", help.code));
        assert!(head.starts_with("http/1.1 200 ") && head.contains("content-security-policy: default-src 'none'"), "{head}");
        assert!(page.contains(&format!("<h1>{}</h1>", help.code)) && page.contains("<dt>What to do</dt>"), "{page}");
        assert!(list.contains(&format!("href=\"errors/{}\"", help.code)), "{list}");
    }
    let (head, _) = get(&server, "/docs/errors/%3Cscript%3E");
    assert!(head.starts_with("http/1.1 404 "), "{head}");
}
