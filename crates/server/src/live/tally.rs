//! What happens on one shard, counted: plain numbers of one thread, so that counting costs a message next to nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dialects::Request;

/// What was counted since the start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Sockets that were let in.
    pub came: u64,
    /// How many of those came back as what they had been, and were told all that they had missed.
    pub recovered: u64,
    /// Sockets that have ended, by the reason.
    pub went: Counts,
    /// How long those had lasted, all together.
    pub lasted: Duration,
    /// How long the longest of those had lasted.
    pub longest: Duration,
    /// Requests to be connected that were refused, by the reason's code.
    pub turned_away: Counts,
    /// What clients asked for, by its name; what no contract knows is `unknown`.
    pub heard: Counts,
    /// What was refused of that, by the refusal's code.
    pub refused: Counts,
}

impl Tally {
    /// A socket was let in.
    pub(super) fn came(&mut self) {
        self.came += 1;
    }

    /// The socket that comes next was here before.
    pub(super) fn recovered(&mut self) {
        self.recovered += 1;
    }

    /// A socket has ended.
    pub(super) fn went(&mut self, reason: &'static str, after: Duration) {
        self.went.count(reason);
        self.lasted += after;
        self.longest = self.longest.max(after);
    }

    /// Somebody was not let in.
    pub(super) fn turned_away(&mut self, code: &'static str) {
        self.turned_away.count(code);
    }

    /// A client asked for something, in a contract's own word: a client could make up names without end.
    pub(super) fn heard(&mut self, request: &Request) {
        self.heard.count(request.name);
    }

    /// A client asked for something that no contract knows, and was refused with this code: over budget it is not even told so.
    pub(super) fn heard_unknown(&mut self, code: &'static str) {
        self.heard.count("unknown");
        self.refused.count(code);
    }

    /// What a client asked for was refused.
    pub(super) fn refused(&mut self, code: &'static str) {
        self.refused.count(code);
    }

    /// Sockets that are there now.
    pub fn here(&self) -> u64 {
        self.came.saturating_sub(self.went.total())
    }

    /// Adds what was counted on another shard.
    pub fn add(&mut self, other: &Self) {
        self.came += other.came;
        self.recovered += other.recovered;
        self.lasted += other.lasted;
        self.longest = self.longest.max(other.longest);
        for (ours, theirs) in [
            (&mut self.went, &other.went),
            (&mut self.turned_away, &other.turned_away),
            (&mut self.heard, &other.heard),
            (&mut self.refused, &other.refused),
        ] {
            ours.0.extend_from_slice(&theirs.0);
        }
    }
}

/// How often each of a few words was counted. A word is found by where it stands in the program, so no text is compared; the same word may
/// stand at several places, and is added up when somebody looks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    /// One more of this word.
    pub fn count(&mut self, word: &'static str) {
        match self.0.iter_mut().find(|(known, _)| std::ptr::eq(*known, word)) {
            Some((_, count)) => *count += 1,
            None => self.0.push((word, 1)),
        }
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Each word with its count.
    pub fn by_word(&self) -> BTreeMap<&'static str, u64> {
        let mut words = BTreeMap::new();
        for (word, count) in &self.0 {
            *words.entry(*word).or_default() += count;
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::Ask;

    fn asked(name: &'static str) -> Request {
        Request { name, ask: Ok(Ask::Ping) }
    }

    #[test]
    fn what_happened_on_two_shards_is_added_up() {
        let (mut one, mut other) = (Tally::default(), Tally::default());
        for tally in [&mut one, &mut other] {
            tally.came();
            tally.came();
            tally.heard(&asked("trip:join"));
            tally.refused("invalid");
        }
        one.went("transport close", Duration::from_secs(4));
        other.went("transport close", Duration::from_secs(2));
        other.heard_unknown("unknown_event");
        other.heard_unknown("rate_limited");
        other.turned_away("token_missing");
        one.add(&other);
        assert_eq!((one.came, one.here()), (4, 2));
        assert_eq!((one.lasted, one.longest), (Duration::from_secs(6), Duration::from_secs(4)));
        assert_eq!(one.heard.by_word(), BTreeMap::from([("trip:join", 2), ("unknown", 2)]));
        assert_eq!(one.refused.by_word(), BTreeMap::from([("invalid", 2), ("rate_limited", 1), ("unknown_event", 1)]));
        assert_eq!(one.turned_away.by_word(), BTreeMap::from([("token_missing", 1)]));
        assert_eq!(one.went.total(), 2);
    }
}
