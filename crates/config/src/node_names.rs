//! The names and addresses of nodes.

use std::num::NonZeroU16;

use http::Uri;

use super::value::SettingValue;

/// The most bytes of an id and of a prefix.
pub(super) const MAX_NAME: usize = 64;

/// The most bytes of the address of a node.
const MAX_URL: usize = 512;

/// The id of a node, or the prefix of a cluster in Redis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterName(pub String);

impl SettingValue for ClusterName {
    const EXPECTED: &'static str = "1 to 64 letters, digits, '-', '_' and '.', such as node-1";

    fn read(text: &str) -> Option<Self> {
        ((1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_name_byte)).then(|| Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// The address of a node for the other nodes, without a slash at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeUrl(pub String);

impl SettingValue for NodeUrl {
    const EXPECTED: &'static str = "http://HOST:PORT or https://HOST:PORT, such as http://10.0.0.7:3000, without path and user";

    fn read(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let url: Uri = text.parse().ok()?;
        let scheme = url.scheme_str()?;
        let authority = url.authority()?;
        let is_whole = text.len() == scheme.len() + "://".len() + authority.as_str().len();
        let host = authority.host();
        // The parser keeps a port that is no number of 16 bits, and a user.
        let port = authority.as_str().strip_prefix(host)?;
        let has_valid_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<NonZeroU16>().is_ok());
        let is_good = is_whole && !host.is_empty() && has_valid_port && matches!(scheme, "http" | "https");
        (is_good && text.len() <= MAX_URL).then(|| Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }

    fn show_unread(text: &str) -> String {
        match text.rsplit_once('@') {
            Some((_, host)) => format!("…@{host}"),
            None => text.into(),
        }
    }
}

/// True if an id may have the byte.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_url_is_scheme_host_and_port() {
        for text in ["http://10.0.0.7:3000", "https://node.example", "http://[::1]:3000", "http://roomcast-1:80", "https://a.b/"] {
            assert_eq!(NodeUrl::read(text).as_ref().map(|url| url.0.as_str()), Some(text.trim_end_matches('/')), "{text}");
        }
        for text in [
            "",
            "10.0.0.7:3000",
            "http://",
            "http://:3000",
            "ws://a",
            "http://a/b",
            "http://a?b",
            "http://u:p@a",
            "http://a:",
            "http://a:0",
            "http://a:99999",
            "http://a b",
            "http://a#b",
            "redis://a",
        ] {
            assert_eq!(NodeUrl::read(text), None, "{text}");
        }
        assert_eq!(NodeUrl::show_unread("http://u:s3cret@a"), "…@a");
    }
}
