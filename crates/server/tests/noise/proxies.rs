//! What proxies, and whoever stands before them, write of where a request comes from.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use server::config::Config;
use server::listener::Proxies;

use crate::changes;

const ROUNDS: usize = 20_000;

#[test]
fn whatever_is_written_only_a_trusted_peer_is_asked() {
    let pairs = [("JWT_SECRET", "0123456789abcdef0123456789abcdef"), ("TRUSTED_PROXIES", "10.0.0.0/8,::1")];
    let proxies = Proxies::new(&Config::of_pairs(pairs).unwrap().net.trusted_proxies);
    let dice = &mut StdRng::seed_from_u64(4);
    let plain = ["203.0.113.7, 10.0.0.2", "unknown", "[2001:db8::1]:80, 10.1.1.1", "203.0.113.7:1234"];
    let standard = ["for=203.0.113.7;proto=https, for=\"[2001:db8::1]:80\"", "for=_hidden;by=\"a\\\"b\", for=10.0.0.2", "for=unknown"];
    let (stranger, trusted): (SocketAddr, SocketAddr) = ("198.51.100.1:9".parse().unwrap(), "10.0.0.1:9".parse().unwrap());
    let mut believed = 0;
    for _ in 0..ROUNDS {
        let mut headers = HeaderMap::new();
        for (name, good) in [("x-forwarded-for", plain.choose(dice)), ("forwarded", standard.choose(dice))] {
            if let Ok(value) = HeaderValue::from_str(&changes::text(good.unwrap(), dice)) {
                headers.append(name, value);
            }
        }
        headers.remove(*["x-forwarded-for", "forwarded", "neither"].choose(dice).unwrap());
        assert_eq!(proxies.sender(stranger, &headers), stranger);
        believed += usize::from(proxies.sender(trusted, &headers) != trusted);
    }
    assert!(believed > ROUNDS / 20 && believed < ROUNDS, "{believed}");
}
