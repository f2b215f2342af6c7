//! The address of a client behind proxies, from the headers `Forwarded` (RFC 7239) and `X-Forwarded-For` of trusted proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use config::CidrRange;
use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The trusted proxies. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[CidrRange]>);

impl Proxies {
    /// The inputs are the networks of the trusted proxies.
    pub fn new(trusted: &[CidrRange]) -> Self {
        Self(trusted.into())
    }

    /// The address of the client that sent a request. The inputs are the peer of its connection, and its headers.
    ///
    /// Each proxy appends the address from which it received the request. So the addresses are read from the right, for as long as a
    /// trusted proxy wrote them; a client can invent everything further left. An address that cannot be parsed ends the search at the last
    /// known one. The two headers may have different authors, and one of them may be the client: if the headers differ, neither is used.
    pub fn sender(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.trust(peer.ip()) {
            return peer;
        }
        let values = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        let plain = self.first(peer, values(X_FORWARDED_FOR).flat_map(|value| value.split(',')).map(|node| read_node(node.trim())));
        let standard = self.first(peer, values(FORWARDED).flat_map(|line| read_forwarded(line).unwrap_or(vec![None])));
        match (headers.contains_key(X_FORWARDED_FOR), headers.contains_key(FORWARDED)) {
            (true, false) => plain,
            (false, true) => standard,
            (true, true) if plain.ip() == standard.ip() => plain,
            _ => peer,
        }
    }

    /// Whether an address belongs to a trusted proxy.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// The first address from the right that is not a trusted proxy.
    fn first(&self, peer: SocketAddr, nodes: impl Iterator<Item = Option<SocketAddr>>) -> SocketAddr {
        let mut address = peer;
        for node in nodes.collect::<Vec<_>>().into_iter().rev() {
            let Some(node) = node else { break };
            address = node;
            if !self.trust(node.ip()) {
                break;
            }
        }
        address
    }
}

/// An address with or without a port. An IPv6 address with a port is in brackets.
fn read_node(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse::<SocketAddr>()).ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// The addresses in a `Forwarded` line, such as `for="[2001:db8::1]:4711";proto=https, for=192.0.2.1`; `None` is one that cannot be parsed.
///
/// `None` for the whole line if it contains a quote that neither opens nor closes a value. The part of the client is left of the part of the proxy
/// on the same line: a quote that it leaves open would hide the proxy's part.
fn read_forwarded(line: &str) -> Option<Vec<Option<SocketAddr>>> {
    let mut nodes = Vec::new();
    for element in split_outside_quotes(line, ',') {
        let mut sender = None;
        for pair in split_outside_quotes(element, ';') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unquoted(value.trim())?;
            match name.trim() {
                name if name.contains('"') => return None,
                name if name.eq_ignore_ascii_case("for") => sender = sender.or(Some(value)),
                _ => {}
            }
        }
        nodes.push(sender.and_then(read_node));
    }
    Some(nodes)
}

/// The parts of a text between separators outside quotes. In quotes, a backslash escapes the next letter, which may be a quote.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter: char| {
        let literal = escaped;
        escaped = quoted && !literal && letter == '\\';
        quoted ^= letter == '"' && !literal;
        !quoted && letter == separator
    })
}

/// A value without the quotes around it. `None` if one is missing, or there are others.
fn unquoted(value: &str) -> Option<&str> {
    let Some(inside) = value.strip_prefix('"') else { return (!value.contains('"')).then_some(value) };
    let inside = inside.strip_suffix('"')?;
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => drop(letters.next()?),
            _ => {}
        }
    }
    Some(inside)
}

#[cfg(test)]
mod tests {
    use config::value::SettingValue;
    use http::HeaderValue;

    use super::*;

    /// The line of a header, by whether it is the standard one.
    fn header(line: &'static str) -> (HeaderName, HeaderValue) {
        match line.strip_prefix("Forwarded: ") {
            Some(value) => (FORWARDED, HeaderValue::from_static(value)),
            None => (X_FORWARDED_FOR, HeaderValue::from_static(line)),
        }
    }

    #[test]
    fn only_header_parts_of_trusted_proxies_are_used() {
        const PROXIES: &str = "10.0.0.0/8";
        // The trusted proxies, the peer, its headers (`X-Forwarded-For` unless named), and the address of the client.
        let table: &[(&str, &str, &[&'static str], &str)] = &[
            (PROXIES, "10.0.0.1", &[], "10.0.0.1"),
            ("", "10.0.0.1", &["192.0.2.1"], "10.0.0.1"),
            (PROXIES, "198.51.100.1", &["192.0.2.1"], "198.51.100.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", "10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", "10.0.0.2", &["192.0.2.1"], "10.0.0.2"),
            (PROXIES, "10.0.0.1", &["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["203.0.113.9, 192.0.2.1,10.0.0.2"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (PROXIES, "10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["::ffff:192.0.2.1"], "192.0.2.1"),
            ("10.0.0.0/8, fd00::/8", "fd00::1", &["[2001:db8::7]:80, fd00::2"], "2001:db8::7"),
            ("fd00::/8", "fd00::1", &["2001:db8::7"], "2001:db8::7"),
            // An address that cannot be parsed ends the search at the last known one.
            (PROXIES, "10.0.0.1", &[""], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &["unknown"], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1, <script>, 10.0.0.2"], "10.0.0.2"),
            (PROXIES, "10.0.0.1", &["nonsense, 192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1,"], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.999"], "10.0.0.1"),
            // The standard header, with the same meaning.
            (PROXIES, "10.0.0.1", &["Forwarded: for=192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: For="[2001:db8::7]:4711""#], "2001:db8::7"),
            (PROXIES, "10.0.0.1", &["Forwarded: for=203.0.113.9, for=192.0.2.1;proto=https;by=10.0.0.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: by="a,b;for=203.0.113.9";for=192.0.2.1, for=10.0.0.2"#], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["Forwarded: for=_hidden"], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &["Forwarded: for=unknown, for=10.0.0.2"], "10.0.0.2"),
            (PROXIES, "10.0.0.1", &["Forwarded: proto=https"], "10.0.0.1"),
            // A quote that the client escapes is no quote, and one that it leaves open does not hide the proxy's part of the line.
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x="\"", for=192.0.2.1"#], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x="\\", for=192.0.2.1"#], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x=\, for=192.0.2.1"#], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for="192.0.2.1"#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x=", for=192.0.2.1"#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x="\", for=192.0.2.1"#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x=", for=192.0.2.1;by="a\"b""#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x=a", for="192.0.2.1"#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;", for=192.0.2.1;""#], "10.0.0.1"),
            (PROXIES, "10.0.0.1", &[r#"Forwarded: for=6.6.6.6;x=""#, "Forwarded: for=192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["Forwarded: for=6.6.6.6", r#"Forwarded: x=", for=10.0.0.3"#, "Forwarded: for=10.0.0.2"], "10.0.0.2"),
            // Several headers of the same name are joined, and two different headers that differ are not used.
            (PROXIES, "10.0.0.1", &["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1", "Forwarded: for=192.0.2.1"], "192.0.2.1"),
            (PROXIES, "10.0.0.1", &["192.0.2.1", "Forwarded: for=203.0.113.9"], "10.0.0.1"),
        ];
        for (trusted, peer, lines, found) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in lines.iter().copied().map(header) {
                headers.append(name, value);
            }
            let proxies = Proxies::new(&Vec::read(trusted).unwrap());
            let sender = proxies.sender(SocketAddr::new(peer.parse().unwrap(), 5), &headers).ip().to_string();
            assert_eq!(sender, *found, "{lines:?} from {peer} where {trusted} is trusted");
        }
    }
}
