//! The names and addresses of nodes. The parsers of these types are the only ones: other crates take the types.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::value::SettingValue;

/// The most bytes of an id and of a prefix.
pub(super) const MAX_NAME: usize = 64;

/// The most bytes of the address of a node.
const MAX_URL: usize = 512;

/// Declares a type of names: 1 to 64 letters, digits, `-`, `_` and `.`. Cheap to clone.
macro_rules! name {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a name. `None` if the text is empty, has more than 64 bytes, or has other characters than letters, digits, `-`, `_` and `.`.
            pub fn parse(text: &str) -> Option<Self> {
                ((1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_name_byte)).then(|| Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl SettingValue for $name {
            const EXPECTED: &'static str = "1 to 64 letters, digits, '-', '_' and '.', such as node-1";

            fn read(text: &str) -> Option<Self> {
                Self::parse(text)
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    };
}

name! {
    /// The id of a node (`NODE_ID`), which no other node of its cluster has: 1 to 64 letters, digits, `-`, `_` and `.`. Cheap to clone.
    NodeId
}

name! {
    /// The prefix of a cluster's keys and channels in Redis (`REDIS_PREFIX`), so that several clusters can share one Redis: as the id of a node.
    RedisPrefix
}

impl RedisPrefix {
    /// The key or channel with this name. The braces are the hash tag, which puts all keys of a cluster into one slot of a Redis Cluster.
    pub fn key(&self, name: &str) -> String {
        format!("{{{self}}}:{name}")
    }
}

impl Default for RedisPrefix {
    /// The prefix `roomcast`.
    fn default() -> Self {
        Self("roomcast".into())
    }
}

/// The address of a node for the other nodes (`NODE_URL`): `http://HOST:PORT` or `https://HOST:PORT`. It has no path, and no user or password that
/// `Debug` and `Display` would have to hide. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeUrl {
    scheme: Scheme,
    authority: Authority,
}

impl NodeUrl {
    /// Checks the address of a node. A slash at the end is ignored. `None` if the text is not HTTP or HTTPS, has no host, has an invalid port, a path, a
    /// query, or a user, or has more than 512 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let parts = text.parse::<Uri>().ok()?.into_parts();
        let (scheme, authority) = (parts.scheme?, parts.authority?);
        let is_whole = text.len() == scheme.as_str().len() + "://".len() + authority.as_str().len();
        let host = authority.host();
        // The parser keeps a port that is no number of 16 bits, and a user.
        let port = authority.as_str().strip_prefix(host)?;
        let has_valid_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<NonZeroU16>().is_ok());
        let is_http = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        (is_http && is_whole && !host.is_empty() && has_valid_port && text.len() <= MAX_URL).then_some(Self { scheme, authority })
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The host, and the port if the address has one.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.authority)
    }
}

impl SettingValue for NodeUrl {
    const EXPECTED: &'static str = "http://HOST:PORT or https://HOST:PORT, such as http://10.0.0.7:3000, without path and user";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn show(&self) -> String {
        self.to_string()
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
    fn names_have_a_few_characters_only() {
        for (text, is_valid) in [
            ("node-1", true),
            ("A.b_9", true),
            ("", false),
            ("a b", false),
            ("a:b", false),
            ("{a}", false),
            ("ä", false),
            (&"x".repeat(65), false),
        ] {
            assert_eq!(NodeId::parse(text).map(|id| id.to_string()).as_deref(), is_valid.then_some(text));
            assert_eq!(RedisPrefix::parse(text).is_some(), is_valid, "{text}");
        }
        assert_eq!(RedisPrefix::default().key("bus"), "{roomcast}:bus");
    }

    #[test]
    fn node_url_is_scheme_host_and_port() {
        for text in ["http://10.0.0.7:3000", "https://node.example", "http://[::1]:3000", "http://roomcast-1:80", "https://a.b/"] {
            assert_eq!(NodeUrl::parse(text).map(|url| url.to_string()).as_deref(), Some(text.trim_end_matches('/')), "{text}");
        }
        for text in [
            "",
            "10.0.0.7:3000",
            "http://",
            "http://:3000",
            "ws://a",
            "ftp://a",
            "http://a/b",
            "http://a?b",
            "http://u:p@a",
            "http://a:",
            "http://a:0",
            "http://a:99999",
            "http://a b",
            "http://a#b",
            "redis://a",
            "/path",
            &format!("http://{}", "a".repeat(MAX_URL)),
        ] {
            assert_eq!(NodeUrl::parse(text), None, "{text}");
        }
        assert_eq!(NodeUrl::show_unread("http://u:s3cret@a"), "…@a");
    }
}
