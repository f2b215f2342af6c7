//! Who is at the other end when there are proxies between: what `Forwarded` (RFC 7239) and `X-Forwarded-For` say, as far as it can be believed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::config::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that are believed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[Network]>);

impl Proxies {
    /// Inputs: where they may be.
    pub fn new(trusted: &[Network]) -> Self {
        Self(trusted.into())
    }

    /// Who has sent a request. Inputs: the peer of its connection, and its headers.
    ///
    /// Each proxy writes down behind the others' words whom it has heard from. So the words are read from the right, for as long as it was a
    /// trusted proxy that wrote them; what stands further left may be anybody's invention. What cannot be read ends it, too, with whom was
    /// known by then. The two headers may have different authors, one of whom may be the client: when they do not say the same, neither is
    /// believed.
    pub fn sender(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trust(peer.ip()) {
            return peer;
        }
        let values = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let plain = self.first(peer, values(X_FORWARDED_FOR).flat_map(|value| value.split(',')).map(|node| read_node(node.trim())));
        let elements = values(FORWARDED).flat_map(|value| split_quoted(value, b',')).map(|element| read_node(for_of(element)?));
        let standard = self.first(peer, elements);
        match (headers.contains_key(X_FORWARDED_FOR), headers.contains_key(FORWARDED)) {
            (true, false) => plain,
            (false, true) => standard,
            (true, true) if plain.ip() == standard.ip() => plain,
            _ => peer,
        }
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// From the right, the first who is no trusted proxy.
    fn first(&self, peer: SocketAddr, named: impl Iterator<Item = Option<SocketAddr>>) -> SocketAddr {
        let mut known = peer;
        for node in named.collect::<Vec<_>>().into_iter().rev() {
            let Some(node) = node else { break };
            known = node;
            if !self.trust(node.ip()) {
                break;
            }
        }
        known
    }
}

/// An address with or without a port. An IPv6 one stands in brackets where it has one.
fn read_node(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse::<SocketAddr>()).ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// The value of `for` in an element such as `for="[2001:db8::1]:4711";proto=https`.
fn for_of(element: &str) -> Option<&str> {
    let mut pairs = split_quoted(element, b';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// The parts of a text between separators that stand in no quotes.
fn split_quoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |letter: char| {
        quoted ^= letter == '"';
        !quoted && letter == char::from(separator)
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::config::value::Value;

    fn sender(trusted: &str, peer: &str, headers: &[(HeaderName, &'static str)]) -> String {
        let proxies = Proxies::new(&Vec::read(trusted).unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.clone(), HeaderValue::from_static(value));
        }
        proxies.sender(SocketAddr::new(peer.parse().unwrap(), 5), &map).ip().to_string()
    }

    #[test]
    fn a_header_is_believed_as_far_as_trusted_proxies_wrote_it() {
        let plain = |trusted, peer, value| sender(trusted, peer, &[(X_FORWARDED_FOR, value)]);
        for (trusted, peer, value, found) in [
            ("", "10.0.0.1", "192.0.2.1", "10.0.0.1"),
            ("10.0.0.0/8", "198.51.100.1", "192.0.2.1", "198.51.100.1"),
            ("10.0.0.0/8", "10.0.0.1", "192.0.2.1", "192.0.2.1"),
            ("10.0.0.1", "10.0.0.1", "192.0.2.1", "192.0.2.1"),
            ("10.0.0.1", "10.0.0.2", "192.0.2.1", "10.0.0.2"),
            ("10.0.0.0/8", "10.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.1", "203.0.113.9, 192.0.2.1,10.0.0.2", "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.0/8", "10.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
            ("10.0.0.0/8", "10.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"),
            ("10.0.0.0/8, fd00::/8", "fd00::1", "[2001:db8::7]:80, fd00::2", "2001:db8::7"),
            ("fd00::/8", "fd00::1", "2001:db8::7", "2001:db8::7"),
        ] {
            assert_eq!(plain(trusted, peer, value), found, "{value} from {peer} where {trusted} is trusted");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_at_whom_was_known() {
        let plain = |value| sender("10.0.0.0/8", "10.0.0.1", &[(X_FORWARDED_FOR, value)]);
        for (value, found) in [
            ("", "10.0.0.1"),
            ("unknown", "10.0.0.1"),
            ("192.0.2.1, unknown", "10.0.0.1"),
            ("192.0.2.1, <script>, 10.0.0.2", "10.0.0.2"),
            ("nonsense, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1,", "10.0.0.1"),
            ("192.0.2.999", "10.0.0.1"),
        ] {
            assert_eq!(plain(value), found, "{value}");
        }
    }

    #[test]
    fn the_standard_header_says_the_same_in_its_own_way() {
        let standard = |value| sender("10.0.0.0/8", "10.0.0.1", &[(FORWARDED, value)]);
        for (value, found) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("For=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=203.0.113.9, for=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"),
            ("by=\"a,b;for=203.0.113.9\";for=192.0.2.1, for=10.0.0.2", "192.0.2.1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=unknown, for=10.0.0.2", "10.0.0.2"),
            ("proto=https", "10.0.0.1"),
            ("for=\"192.0.2.1", "10.0.0.1"),
        ] {
            assert_eq!(standard(value), found, "{value}");
        }
    }

    #[test]
    fn headers_that_stand_several_times_are_one_and_two_that_differ_are_none() {
        let several = |headers: &[_]| sender("10.0.0.0/8", "10.0.0.1", headers);
        let (plain, standard) = (X_FORWARDED_FOR, FORWARDED);
        assert_eq!(several(&[(plain.clone(), "203.0.113.9"), (plain.clone(), "192.0.2.1")]), "192.0.2.1");
        assert_eq!(several(&[(plain.clone(), "192.0.2.1"), (standard.clone(), "for=192.0.2.1")]), "192.0.2.1");
        assert_eq!(several(&[(plain, "192.0.2.1"), (standard, "for=203.0.113.9")]), "10.0.0.1");
        assert_eq!(several(&[]), "10.0.0.1");
    }
}
