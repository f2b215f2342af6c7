//! What a stock client keeps of its session, to recover it on a new connection.

use serde_json::{Value, json};

use crate::bench::token::{sign, subject};

#[derive(Default)]
pub struct ClientSession {
    /// The private id from the answer to CONNECT.
    pid: Option<String>,
    /// The position of the last event.
    offset: Option<String>,
}

impl ClientSession {
    /// The auth object of CONNECT.
    pub fn connect_auth(&self, user: usize) -> Value {
        let mut connect_auth = json!({"token": sign(user, None), "userId": subject(user)});
        for (name, known) in [("pid", &self.pid), ("offset", &self.offset)] {
            if let Some(known) = known {
                connect_auth[name] = Value::from(known.as_str());
            }
        }
        connect_auth
    }

    /// Takes the `pid` of CONNECT's answer. Returns whether it is the `pid` of the earlier connection, which means that the session is recovered.
    pub fn recovers(&mut self, pid: &str) -> bool {
        let recovered = self.pid.as_deref() == Some(pid);
        self.pid = Some(pid.to_owned());
        recovered
    }

    /// Keeps the position of an event, if it has one.
    pub fn record_position(&mut self, event: &[u8]) {
        if let Some(offset) = offset_in(event) {
            self.offset = Some(offset.to_owned());
        }
    }
}

/// The position of an event: the string at its end, where stock clients read it.
fn offset_in(event: &[u8]) -> Option<&str> {
    let event = std::str::from_utf8(event).ok()?.strip_suffix("\"]")?;
    event.rsplit_once(",\"").map(|(_, offset)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_the_string_at_the_end_of_an_event() {
        assert_eq!(offset_in(br#"42/chat,["message:new",{"content":"a,\"b"},"0a-7.1"]"#), Some("0a-7.1"));
        assert_eq!(offset_in(br#"42/chat,["user:online",{"userId":"p1"}]"#), None);
    }
}
