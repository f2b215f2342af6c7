//! Which node owns a session.

use std::fmt;

use engine::NodeTag;
use http::Uri;
use http::uri::{Authority, Scheme};

/// The node that owns a session, by the tag in the session's id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// This node.
    Here,
    /// Another node, at this address.
    Other(NodeUrl),
    /// No node of the cluster: the node has ended, or the id is not genuine.
    Gone,
}

/// The nodes of the cluster.
pub trait Owners: Send + Sync + 'static {
    /// The node with a tag. It is called for each request of a session and must not block.
    fn owner(&self, tag: NodeTag) -> Owner;
}

/// The address of a node: `http://HOST:PORT` or `https://HOST:PORT`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NodeUrl {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
}

/// A text that is no address of a node.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the address of a node must be http://HOST:PORT or https://HOST:PORT")]
pub struct InvalidNodeUrl;

impl NodeUrl {
    /// Parses an address.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidNodeUrl> {
        let parts = text.parse::<Uri>().map_err(|_| InvalidNodeUrl)?.into_parts();
        let has_path = parts.path_and_query.is_some_and(|path| path != "/");
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        match (scheme, parts.authority) {
            (Some(scheme), Some(authority)) if !has_path && !authority.host().is_empty() => Ok(Self { scheme, authority }),
            _ => Err(InvalidNodeUrl),
        }
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_scheme_and_host() {
        for text in ["http://10.0.0.7:3000", "https://node.example", "http://[::1]:3000"] {
            assert_eq!(NodeUrl::parse(text).map(|url| url.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "10.0.0.7:3000", "ftp://a", "http://", "http://a/b", "/path", "http://a?b"] {
            assert_eq!(NodeUrl::parse(text), Err(InvalidNodeUrl), "{text}");
        }
    }
}
