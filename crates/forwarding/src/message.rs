//! Heads of requests and responses on their way between nodes: headers that concern one connection only (RFC 9110, 7.6.1) are replaced.

use config::NodeUrl;
use engine::http::{connection_options, is_upgrade};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Uri, request, response};

use crate::proof::HEADER;

/// Headers that concern one connection. `Expect` is one of them here: this node asks its client for the body itself.
const OF_A_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::EXPECT,
];

/// The head for the owner of the session. `None` if the request has no valid target.
pub(crate) fn to_owner(head: &request::Parts, url: &NodeUrl, proof: HeaderValue) -> Option<request::Parts> {
    let target = head.uri.path_and_query()?.clone();
    let uri = Uri::builder().scheme(url.scheme().clone()).authority(url.authority().clone()).path_and_query(target).build().ok()?;
    let (mut out, ()) = http::Request::new(()).into_parts();
    out.method = head.method.clone();
    out.uri = uri;
    // The host is that of the client's request: origins are compared with it.
    out.headers = head.headers.clone();
    remove_of_connection(&mut out.headers, is_upgrade(&head.headers));
    out.headers.insert(HEADER, proof);
    Some(out)
}

/// Makes the head of an owner's response that of this node's response.
pub(crate) fn to_client(head: &mut response::Parts) {
    let closes = connection_options(&head.headers).any(|option| option.eq_ignore_ascii_case("close"));
    remove_of_connection(&mut head.headers, head.status == StatusCode::SWITCHING_PROTOCOLS);
    if closes {
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    head.version = http::Version::HTTP_11;
}

fn remove_of_connection(headers: &mut HeaderMap, upgrade: bool) {
    let named: Vec<HeaderName> = connection_options(headers).filter_map(|option| option.parse().ok()).collect();
    for name in named.iter().filter(|name| **name != header::UPGRADE).chain(&OF_A_CONNECTION) {
        headers.remove(name);
    }
    if upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    } else {
        headers.remove(header::UPGRADE);
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};

    use super::*;

    fn names(headers: &HeaderMap) -> Vec<String> {
        let mut names: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        names.sort();
        names
    }

    #[test]
    fn request_loses_the_headers_of_its_connection() {
        let request = Request::builder().method("POST").uri("/socket.io/?sid=a&t=%20b").header("host", "app.example");
        let request = request.header("connection", "keep-alive, x-hop, te").header("x-hop", "1").header("te", "trailers");
        let request = request.header("expect", "100-continue").header("content-length", "3").header("x-forwarded-for", "192.0.2.1");
        let (head, ()) = request.header("upgrade", "h2c").header(HEADER, "forged").body(()).unwrap().into_parts();
        let url = NodeUrl::parse("http://10.0.0.7:3000").unwrap();
        let out = to_owner(&head, &url, HeaderValue::from_static("proof")).unwrap();
        assert_eq!(out.uri, "http://10.0.0.7:3000/socket.io/?sid=a&t=%20b");
        let kept = ["content-length: 3", "host: app.example", "x-forwarded-for: 192.0.2.1", "x-roomcast-forwarded: proof"];
        assert_eq!(names(&out.headers), kept);
    }

    #[test]
    fn upgrade_stays_an_upgrade() {
        let request =
            Request::builder().uri("/socket.io/?sid=a").header("connection", "keep-alive, Upgrade").header("upgrade", "WebSocket");
        let (head, ()) = request.header("sec-websocket-key", "k").body(()).unwrap().into_parts();
        let out = to_owner(&head, &NodeUrl::parse("http://a").unwrap(), HeaderValue::from_static("p")).unwrap();
        assert_eq!(names(&out.headers)[..3], ["connection: Upgrade", "sec-websocket-key: k", "upgrade: WebSocket"]);
        let response = Response::builder().status(101).header("connection", "Upgrade").header("upgrade", "websocket").body(()).unwrap();
        let (mut head, ()) = response.into_parts();
        to_client(&mut head);
        assert_eq!(names(&head.headers), ["connection: Upgrade", "upgrade: websocket"]);
    }

    #[test]
    fn response_closes_the_clients_connection_if_the_owner_closes() {
        for (connection, expected) in [("close", vec!["connection: close"]), ("keep-alive", vec![])] {
            let (mut head, ()) = Response::builder().header("connection", connection).body(()).unwrap().into_parts();
            to_client(&mut head);
            assert_eq!(names(&head.headers), expected);
        }
    }
}
