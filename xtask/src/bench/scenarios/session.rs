//! What a stock client remembers of its session, to recover it on a new connection.

use serde_json::{Value, json};

use crate::bench::token::{sign, subject};

#[derive(Default)]
pub struct Session {
    /// The private id that CONNECT was answered with.
    pid: Option<String>,
    /// The position behind the last event.
    offset: Option<String>,
}

impl Session {
    /// The auth object of CONNECT.
    pub fn ticket(&self, person: usize) -> Value {
        let mut ticket = json!({"token": sign(person, None), "userId": subject(person)});
        for (name, known) in [("pid", &self.pid), ("offset", &self.offset)] {
            if let Some(known) = known {
                ticket[name] = Value::from(known.as_str());
            }
        }
        ticket
    }

    /// Takes the `pid` of CONNECT's answer. Returns whether it is the `pid` of the earlier connection, which means that the session is recovered.
    pub fn resumes(&mut self, pid: &str) -> bool {
        let recovered = self.pid.as_deref() == Some(pid);
        self.pid = Some(pid.to_owned());
        recovered
    }

    /// Takes the position of an event, if it has one.
    pub fn note(&mut self, event: &[u8]) {
        if let Some(offset) = offset_in(event) {
            self.offset = Some(offset.to_owned());
        }
    }
}

/// The position behind an event: a text at its end, as stock clients find it.
fn offset_in(event: &[u8]) -> Option<&str> {
    let event = std::str::from_utf8(event).ok()?.strip_suffix("\"]")?;
    event.rsplit_once(",\"").map(|(_, offset)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_the_text_at_an_events_end() {
        assert_eq!(offset_in(br#"42/chat,["message:new",{"content":"a,\"b"},"0a-7.1"]"#), Some("0a-7.1"));
        assert_eq!(offset_in(br#"42/chat,["user:online",{"userId":"p1"}]"#), None);
    }
}
