//! The headers of proxies, and of clients, about the address of a request.

use std::net::SocketAddr;

use config::Config;
use http::{HeaderMap, HeaderValue};
use listener::Proxies;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::mutations;

const ROUNDS: usize = 20_000;

/// The headers of a client, which are mutated, by name.
const SAID: [(&str, &[&str]); 2] = [
    ("x-forwarded-for", &["203.0.113.7, 10.0.0.2", "unknown", "[2001:db8::1]:80, 10.1.1.1", "203.0.113.7:1234"]),
    (
        "forwarded",
        &[
            "for=203.0.113.7;proto=https, for=\"[2001:db8::1]:80\"",
            "for=_hidden;by=\"a\\\"b\", for=10.0.0.2",
            "for=203.0.113.7;x=\"\\\"\"",
            "for=203.0.113.7;x=\"",
            "for=unknown",
        ],
    ),
];

/// The part that a trusted proxy appends to the same header: the address of its peer.
const WRITTEN: [&[&str]; 2] =
    [&["192.0.2.1", "192.0.2.1:4711"], &["for=192.0.2.1", "for=\"192.0.2.1:4711\";proto=https", "for=192.0.2.1;by=\"a\\\"b\""]];

fn proxies() -> Proxies {
    let pairs = [("JWT_SECRET", "0123456789abcdef0123456789abcdef"), ("TRUSTED_PROXIES", "10.0.0.0/8,::1")];
    Proxies::new(&Config::of_pairs(pairs).unwrap().server.trusted_proxies)
}

#[test]
fn headers_of_untrusted_peers_are_ignored() {
    let (proxies, dice) = (proxies(), &mut StdRng::seed_from_u64(4));
    let (stranger, trusted): (SocketAddr, SocketAddr) = ("198.51.100.1:9".parse().unwrap(), "10.0.0.1:9".parse().unwrap());
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let mut headers = HeaderMap::new();
        for (name, text) in SAID {
            if let Ok(value) = HeaderValue::from_str(&mutations::text(text.choose(dice).unwrap(), dice)) {
                headers.append(name, value);
            }
        }
        headers.remove(*["x-forwarded-for", "forwarded", "neither"].choose(dice).unwrap());
        assert_eq!(proxies.sender(stranger, &headers), stranger);
        accepted += usize::from(proxies.sender(trusted, &headers) != trusted);
    }
    assert!(accepted > ROUNDS / 20 && accepted < ROUNDS, "{accepted}");
}

#[test]
fn a_client_cannot_change_the_address_from_the_proxy() {
    let (proxies, dice) = (proxies(), &mut StdRng::seed_from_u64(5));
    let trusted: SocketAddr = "10.0.0.1:9".parse().unwrap();
    let mut known = 0;
    for round in 0..ROUNDS {
        let (name, text) = SAID[round % 2];
        let text = mutations::text(text.choose(dice).unwrap(), dice);
        let line = format!("{text}, {}", WRITTEN[round % 2].choose(dice).unwrap());
        let Ok(value) = HeaderValue::from_str(&line) else { continue };
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static(name), value)]);
        let sender = proxies.sender(trusted, &headers);
        let found = sender.ip().to_string();
        assert!(sender == trusted || found == "192.0.2.1", "{found} by {name}: {line}");
        known += usize::from(sender != trusted);
    }
    assert!(known > ROUNDS / 2, "{known}");
}
