//! The names of the Redis channels of a namespace.

/// The channels of one namespace. Two clusters on one Redis have different prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    broadcast: String,
    request: String,
    response: String,
    own_response: String,
}

impl Channels {
    /// The channels of a namespace (`/` or `/chat`). `prefix` is the option `key` of Node's adapter, and `uid` the id of this server.
    pub fn new(prefix: &str, namespace: &str, uid: &str) -> Self {
        let response = format!("{prefix}-response#{namespace}#");
        Self {
            broadcast: format!("{prefix}#{namespace}#"),
            request: format!("{prefix}-request#{namespace}#"),
            own_response: format!("{response}{uid}#"),
            response,
        }
    }

    /// The channel of a broadcast to these rooms. A broadcast to exactly one room has the room's own channel.
    pub fn broadcast(&self, rooms: &[String]) -> String {
        match rooms {
            [room] => format!("{}{room}#", self.broadcast),
            _ => self.broadcast.clone(),
        }
    }

    /// The room of a broadcast's channel: `None` if it is not a channel of this namespace, and an empty text if the channel is that of
    /// all rooms.
    pub fn room_of<'c>(&self, channel: &'c str) -> Option<&'c str> {
        let rest = channel.strip_prefix(&self.broadcast)?;
        Some(rest.strip_suffix('#').unwrap_or(rest))
    }

    /// The pattern that matches the channels of all broadcasts of the namespace, for `PSUBSCRIBE`.
    pub fn broadcast_pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.broadcast.len() + 1);
        for character in self.broadcast.chars() {
            // These have a meaning in Redis's patterns. Node does not escape them, and receives broadcasts of other namespaces, too.
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        pattern
    }

    /// The channel of requests. The number of its subscribers is the number of servers.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The channel of responses, which all servers read.
    pub fn response(&self) -> &str {
        &self.response
    }

    /// The channel of responses for this server alone. Servers with the option `publishOnSpecificResponseChannel` use it.
    pub fn own_response(&self) -> &str {
        &self.own_response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(namespace: &str) -> Channels {
        Channels::new("socket.io", namespace, "a1B2c3")
    }

    #[test]
    fn names_are_those_of_nodes_adapter() {
        let channels = channels("/chat");
        assert_eq!(channels.broadcast(&[]), "socket.io#/chat#");
        assert_eq!(channels.broadcast(&["a".into()]), "socket.io#/chat#a#");
        assert_eq!(channels.broadcast(&["a".into(), "b".into()]), "socket.io#/chat#");
        assert_eq!(channels.broadcast_pattern(), "socket.io#/chat#*");
        assert_eq!(channels.request(), "socket.io-request#/chat#");
        assert_eq!(channels.response(), "socket.io-response#/chat#");
        assert_eq!(channels.own_response(), "socket.io-response#/chat#a1B2c3#");
    }

    #[test]
    fn room_of_a_channel_is_what_follows_the_namespace() {
        for (channel, room) in [
            ("socket.io#/chat#", Some("")),
            ("socket.io#/chat#a#", Some("a")),
            ("socket.io#/chat#a#b#", Some("a#b")),
            ("socket.io#/#a#", None),
            ("socket.io-request#/chat#", None),
            ("", None),
        ] {
            assert_eq!(channels("/chat").room_of(channel), room, "{channel}");
        }
    }

    #[test]
    fn characters_of_redis_patterns_are_escaped_in_a_namespace() {
        assert_eq!(channels("/a*[b]?\\").broadcast_pattern(), "socket.io#/a\\*\\[b\\]\\?\\\\#*");
    }
}
